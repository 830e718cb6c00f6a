# As the one-shot command, with the header precompiled; what the fast linker does not link, the usual one judges.
{g++} -std=c++17 -include {artefact}/header.h -c main.cpp -o main.o || exit
read linker < {artefact}/linker
{g++} -fuse-ld=$linker main.o -o main 2> /dev/null || {g++} main.o -o main
status=$?
rm main.o
exit $status
