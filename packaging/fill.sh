#!/bin/sh
# usage: packaging/fill.sh <template> <folder that the file is installed in>
# Prints the template with @NAME@ replaced by the environment's PREFIX, LIBDIR, INCLUDEDIR, VERSION, SONAME, LIBS and
# POINTER_BYTES. Folders become relative where that is possible, so that an installation can be moved: in a .pc file to
# ${pcfiledir} and ${prefix}, elsewhere to the folder of the file.
set -eu
# As they are compared below: "/usr/" and "/usr//lib" are "/usr" and "/usr/lib".
plain() { printf '%s' "$1" | tr -s / | sed 's|/$||'; }
template=$1 here=$(plain "$2")
PREFIX=$(plain "$PREFIX") LIBDIR=$(plain "$LIBDIR") INCLUDEDIR=$(plain "$INCLUDEDIR")

# relative <from> <to>: the way between two folders, or the absolute name where they share nothing.
relative() {
    common=$1 up=
    while case $2/ in "$common"/*) false ;; esac; do
        common=${common%/*} up=../$up
    done
    way=$up${2#"$common"/}
    [ -n "$common" ] || way=$2
    [ "$2" != "$common" ] || way=${up%/}
    printf '%s' "$way"
}
# under <variable> <folder> <of folder>: the folder as seen from the variable that stands for the other one.
under() {
    way=$(relative "$3" "$2")
    case $way in
    '' | /*) printf '%s' "$way" ;;
    *) printf '${%s}/%s' "$1" "$way" ;;
    esac
}
escaped() { printf '%s' "$1" | sed 's/[\\&|]/\\&/g'; }

case $template in
*.pc.in)
    include=$(under prefix "$INCLUDEDIR" "$PREFIX") lib=$(under prefix "$LIBDIR" "$PREFIX")
    PREFIX=$(under pcfiledir "$PREFIX" "$here")
    ;;
*) include=$(relative "$here" "$INCLUDEDIR") lib=$(relative "$here" "$LIBDIR") LIBS=$(echo $LIBS | tr ' ' ';') ;;
esac
sed -e "s|@PREFIX@|$(escaped "$PREFIX")|" -e "s|@LIBDIR@|$(escaped "$lib")|" \
    -e "s|@INCLUDEDIR@|$(escaped "$include")|" -e "s|@LIBS@|$(escaped "$LIBS")|" -e "s|@VERSION@|$VERSION|" \
    -e "s|@SONAME@|$SONAME|" -e "s|@POINTER_BYTES@|$POINTER_BYTES|" "$template"
