# Run with --output-o: what is loaded and compiled here goes into the system image.
Base.__init__()
Base.init_depot_path()
Base.init_load_path()
isdefined(Base, :reinit_stdio) && Base.reinit_stdio()
any(loaded -> nameof(loaded) === :Test, Base.loaded_modules_array()) || Base.require(Base, :Test)

# The statements name modules as seen from Main.
compiled = Module()
for loaded in Base.loaded_modules_array()
    Core.eval(compiled, Expr(:(=), nameof(loaded), loaded))
end
for path in ARGS, line in eachline(path)
    occursin("Main", line) && continue
    try
        include_string(compiled, line)
    catch # a statement about something that was made at run time
    end
end
empty!(ARGS)
empty!(Base.DEPOT_PATH)
empty!(Base.LOAD_PATH)
