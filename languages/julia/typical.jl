"""What answers to programming problems use of the library: a run of it tells what to compile beforehand."""
function typical(n::Int64)::Int64
    numbers = [3, 1, 2]
    words = split("one two  three", " ")
    text = join(map(uppercase, words), ", ")
    counts = Dict{String,Int64}()
    for word in ["a", "b", "a"]
        counts[word] = get(counts, word, 0) + 1
    end
    letters = Dict{Char,Int64}()
    for (i, c) in enumerate(text)
        letters[c] = get(letters, c, 0) + i
    end
    seen = Set{Int64}(numbers)
    push!(seen, 4); 2 in seen; union(seen, Set([9])); length(collect(seen)); sort(collect(seen))
    push!(numbers, 5); append!(numbers, [6, 7]); pushfirst!(numbers, 0); pop!(numbers); popfirst!(numbers)
    sort!(numbers); sort(numbers, rev=true); sort(words, by=length); sort(["b", "a"]); reverse(numbers); unique(numbers)
    sum(numbers); maximum(numbers); minimum(numbers); prod(numbers); length(numbers); numbers[1:2]; numbers[end]
    filter(x -> x > 1, numbers); map(x -> x * 2, numbers); [x^2 for x in numbers if isodd(x)]; any(x -> x > 2, numbers)
    all(isodd, numbers); findfirst(x -> x == 2, numbers); count(x -> x > 1, numbers); zip(numbers, numbers) |> collect
    string(n); string("a", 1, 'b', 2.5); parse(Int, "12"); parse(Float64, "1.5"); "$(n) and $(text)"; tryparse(Int, "x")
    reverse(text); replace(text, "ONE" => "1"); strip(" a "); startswith(text, "O"); endswith(text, "E"); lowercase(text)
    occursin("a", text); text[1:2]; collect(text); string.(numbers); repeat("ab", 3); "a" * "b"; "ab"^2; join(['a', 'b'])
    isdigit('1'); isletter('a'); isuppercase('A'); Int('a'); Char(97); 'a' + 1; lpad("1", 3, "0"); string(5, base=2)
    floats = [1.5, 2.5]; push!(floats, 3.0); sum(floats) / length(floats); round(2.567, digits=2); sort(floats)
    floor(Int, 2.5); ceil(Int, 2.5); round(Int, 2.5); sqrt(2.0); abs(-1); mod(-1, 3); div(7, 2); 7 % 3; gcd(4, 6); 2^10
    table = zeros(Int64, 3, 3); table[1, 2] = 1; size(table); fill(0, 3); zeros(3); falses(3); [[1, 2], [3]]; table[1, :]
    keys(counts) |> collect; values(counts) |> collect; haskey(counts, "a"); sort(collect(counts), by=x -> x[2])
    pairs = Tuple{Int64,String}[]; push!(pairs, (1, "a")); sort(pairs); first(pairs); isempty(pairs); tuple(1, 2)
    anything = Any[1, "a", nothing]; push!(anything, [1]); isa(anything[1], Int64); anything == Any[1, "a", nothing, [1]]
    match(r"(\d+)", "a12").captures; collect(eachmatch(r"\d", "a12")); replace("a1", r"\d" => ""); split("a,b", ","); n
    maybe = Union{Int64,Nothing}[1, nothing]; filter(!isnothing, maybe); deepcopy(numbers); copy(numbers); bits = n << 2
    println(text); println(n, " ", 1.5); print("x"); [1 2; 3 4]; cumsum(numbers); in(1, numbers); max(1, 2); min(1.0, 2)
    try
        throw(ArgumentError("no"))
    catch error
        error isa ArgumentError
    end
    return n
end
