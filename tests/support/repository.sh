#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# repository.sh SOURCE FOLDER: makes FOLDER a git repository of what an embedder needs of SOURCE as it is, tagged as its version.
set -eu
source=$1 folder=$2
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
mkdir "$folder"
cd "$source"
cp -R CMakeLists.txt CMakePresets.json LICENSE include docs "$folder"
cd "$folder"
git init -q
git add .
git -c user.name=droplit -c user.email=droplit@localhost commit -q -m droplit
git tag "v$(sed -n 's/^project(droplit VERSION \([0-9.]*\) .*/\1/p' CMakeLists.txt)"
