#!/bin/sh
# Distributed under the Boost Software License, Version 1.0. See LICENSE.
# install.sh FOLDER: copies the scripts of this folder into FOLDER, where they find the npm packages of package-lock.json,
# which are installed there unless they are there already.
set -eu
cd "$(dirname "$0")"
folder=$1
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
if [ "$folder" != "$PWD" ]; then
  rm -rf "$folder/openapi"
  cp -R ./* .npmrc "$folder"
fi
cd "$folder"
installed=node_modules/.installed  # the lock file of what is there
cmp -s package-lock.json "$installed" && exit 0
npm ci --include=dev --no-progress
cp package-lock.json "$installed"
