#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# install_page.sh SOURCE: does what docs/install.md says, word by word, each way in an empty folder and with an empty HOME. The
# page's repository is a copy of SOURCE. apt only checks that packages are installed here, and unpacks a package of ours.
# install_page.sh SOURCE bare: the same on a machine that has nothing: apt installs, and the programs are built too. The page's
# repository is /repository; the Debian packages are left in /packages.
#
# The blocks before the first section and those of one section make a project. A cmake block is its CMakeLists.txt, a cpp block its
# first.cpp; a sh block is run. A block without a language is the end of what the last sh block prints.
set -eu
source=$1 bare=${2:-}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE CXX CXXFLAGS CMAKE_GENERATOR CMAKE_BUILD_TYPE
export folder bare
exec 3>&1

mkdir "$folder/bin"
if [ -z "$bare" ]; then
  repository=$folder/repository
  sh "$source/tests/support/repository.sh" "$source" "$repository"
  # The root of the machine on which our package is installed.
  export CMAKE_PREFIX_PATH="$folder/root/usr"
  cat >"$folder/bin/apt" <<'APT'
#!/bin/sh
set -eu
[ "$1" != update ] || exit 0
[ "$1" = install ]
shift
for package in "$@"; do
  case $package in
    ./*) dpkg-deb -x "$package" "$folder/root" ;;
    *) dpkg-query -W "$package" >/dev/null ;;
  esac
done
APT
else
  repository=/repository
  mkdir /packages
  apt-get -qq update
  cat >"$folder/bin/apt" <<'APT'
#!/bin/sh
begin=$(date +%s)
apt-get -qq -y "$@" >/dev/null || exit 1
echo "apt $*: after $(($(date +%s) - begin)) seconds" >&3
APT
fi
printf '#!/bin/sh\nexec "$@"\n' >"$folder/bin/sudo"
chmod +x "$folder"/bin/*
export PATH="$folder/bin:$PATH"
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="url.file://$repository.insteadOf" GIT_CONFIG_VALUE_0=https://git.example/droplit.git

# One script for each section with blocks.
awk -v folder="$folder" -v bare="$bare" '
  function block(text) { return "cat >" name " <<\"BLOCK\"\n" text "BLOCK\n" }
  /^## / { ++sections; title[sections] = substr($0, 4) }
  !inside && /^```/ {
    inside = 1; kind = substr($0, 4); text = ""
    next
  }
  inside && /^```$/ {
    inside = 0
    runs = kind == "sh" ? "run output\n" : ""
    if (kind == "sh programs") { kind = bare ? "sh" : "none"; runs = "run programs\n" }
    if (kind == "cmake") name = "CMakeLists.txt"
    else if (kind == "cpp") name = "first.cpp"
    else if (kind == "sh") name = "block.sh"
    else if (kind == "") name = "expected"
    else if (kind == "none") next
    else { print "what is a block of " kind "?"; exit 1 }
    script[sections + 0] = script[sections + 0] block(text) (kind == "sh" ? runs : "")
    next
  }
  inside { text = text $0 "\n" }
  END {
    for (s = 1; s <= sections; ++s) {
      if (!(s in script)) continue
      file = folder "/" ++ways ".section"
      printf "title=\"%s\"\n%s%s", title[s], script[0], script[s] >file
      close(file)
    }
    if (ways != 7) { print "the page has " ways " ways"; exit 1 }
  }' "$source/docs/install.md"

for section in "$folder"/*.section; do
  begin=$(date +%s)
  mkdir "$folder/project" "$folder/home"
  (
    cd "$folder/project"
    export HOME="$folder/home"
    run() { sh -eu block.sh >"$1" 2>&1 || { cat block.sh "$1"; exit 1; }; }
    # shellcheck disable=SC1090
    . "$section"
    [ ! -d build ] || { [ -s build/CMakeFiles/first.dir/flags.make ] && ! grep -he '-I' build/CMakeFiles/first.dir/flags.make; } || { echo "$title: our warnings are the project's"; exit 1; }
    tail -n "$(wc -l <expected)" output | diff expected - || { echo "$title: another output"; exit 1; }
    [ -z "$bare" ] || find . -name '*.deb' ! -path '*/_CPack_Packages/*' -exec cp {} /packages \;
    echo "$title: good, after $(($(date +%s) - begin)) seconds"
  )
  rm -rf "$folder/project" "$folder/home"
done
