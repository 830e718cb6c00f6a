# Makes {artefact}: the header precompiled, and the name of the fastest linker that is here.
set -e
echo '#include <bits/stdc++.h>' > {artefact}/header.h
# Errors in the header are told by the name it was compiled under, so that must be its own.
header=$({g++} -std=c++17 -x c++ -M {artefact}/header.h | tr ' ' '\n' | grep -m1 '/bits/stdc++\.h$')
{g++} -std=c++17 -x c++-header "$header" -o {artefact}/header.h.gch
echo 'int main() {}' > main.cpp
{g++} -std=c++17 -include {artefact}/header.h -H -c main.cpp -o main.o 2>&1 | grep '^! .*\.gch$'
for linker in mold lld gold; do
    if {g++} -fuse-ld=$linker main.o -o main && ./main; then break; fi
    linker=bfd
done
echo $linker > {artefact}/linker
