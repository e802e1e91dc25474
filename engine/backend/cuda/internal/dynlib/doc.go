// Package dynlib finds and opens CUDA's libraries at run time, so that one binary
// serves machines with and without them.
//
// A library is looked for as lib<stem>.so.<major>, the newest major version
// first, and for each of those in this order:
//
//  1. the loader's own search: LD_LIBRARY_PATH, the folders of ld.so.conf
//  2. toolkits: CUDA_HOME, CUDA_PATH, /usr/local/cuda, /usr/local/cuda-*, each
//     with lib64, lib and targets/*/lib
//  3. the distribution's: /usr/lib/x86_64-linux-gnu and the like, /usr/lib64
//  4. pip's wheels: nvidia/*/lib in the site-packages of VIRTUAL_ENV,
//     CONDA_PREFIX, the python3 and python on the PATH, ~/.local, /usr/local,
//     /usr, ~/.pyenv/versions/*, /opt/*/.venv and /opt/*
//
// A variable of the environment that names a file or a folder replaces the
// search: what a person asks for is used or refused, not passed over. No program
// is run to find anything out.
//
// Libraries are opened on Linux only, on amd64 and arm64. Elsewhere the search
// finds nothing and says so.
package dynlib
