# install.sh: read with `.`; a build installed into a scratch folder, for what uses it by pkg-config.
#     install_library SOURCE_DIR BUILD_DIR CMAKE SCRATCH
# sets pkg_config (the command that finds it) and exports PKG_CONFIG_PATH and LD_LIBRARY_PATH.
install_library() {
    prefix=$4/usr
    # The prefix is baked into the pkg-config file, so it is moved at install time by DESTDIR only.
    DESTDIR="$4/stage" "$3" --install "$2" >"$4/install.log" 2>&1 || { cat "$4/install.log"; exit 1; }
    mv "$4/stage$(sed -n 's/^CMAKE_INSTALL_PREFIX:[A-Z]*=//p' "$2/CMakeCache.txt")" "$prefix"
    libdir=$(dirname "$(dirname "$(find "$prefix" -name personalize.pc)")")
    export PKG_CONFIG_PATH="$libdir/pkgconfig" LD_LIBRARY_PATH="$libdir"
    pkg_config="pkg-config --define-variable=prefix=$prefix"
}
# other_version SOURCE_DIR LIBRARY: on standard output, the library as if it were of version 9.9.9.
other_version() {
    version=$(sed -n 's/^#define PZ_VERSION_[A-Z]* //p' "$1/include/personalize/base.h" | paste -sd. | sed 's/\./\\./g')
    LC_ALL=C sed "s/$version/$(echo "$version" | tr 0-9 9)/g" "$2"
}
