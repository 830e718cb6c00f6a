using Test

@testset begin

candidate = typical;
	@test(candidate(2) == 2)
	@test([candidate(2), 1] == [2, 1])
	@test([1.5] == [1.5])
	@test("a" == "a")
	@test(["a", "b"] == ["a", "b"])
	@test(true == true)
	@test(2.5 == 2.5)
	@test(nothing == nothing)
	@test((1, "a") == (1, "a"))
	@test((1, 2) == (1, 2))
	@test([[1, 2], [3]] == [[1, 2], [3]])
	@test(Dict("a" => 1) == Dict("a" => 1))
	@test([(1, "a")] == [(1, "a")])
	@test(Vector{Int64}([]) == Int64[])
	@test(Vector{String}([]) == String[])
	@test(Vector{Any}([1, "a"]) == Any[1, "a"])
	@test([true, false] == [true, false])
	@test(Set([1]) == Set([1]))
end
