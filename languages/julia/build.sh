# Makes {artefact}/image.so: the stock system image with the methods compiled that known programs need.
set -e
for program in passes.jl fails.jl errs.jl throws.jl asserts.jl malformed.jl; do
    cp $program main.jl
    {julia} --startup-file=no --trace-compile=$program.txt -e "$(sed "s/PROGRAM_TEXT/main.jl/" run.jl)" || true
done
stock=$({julia} --startup-file=no -e 'print(unsafe_string(Base.JLOptions().image_file))')
{julia} --startup-file=no -J "$stock" --output-o image.o build.jl ./*.txt
cc -shared -o {artefact}/image.so -Wl,--whole-archive image.o -Wl,--no-whole-archive
cp passes.jl main.jl
{julia} --startup-file=no -J {artefact}/image.so -e "$(sed "s/PROGRAM_TEXT/main.jl/" run.jl)" | grep '^3$'
