package dynamodb_test

func querySteps() []step {
	one, two := num("1"), num("2")
	const bounds = "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to lower bound; " +
		"lower bound operand: AttributeValue: {S:b}, upper bound operand: AttributeValue: {S:a}"
	return []step{
		same(transact("", putting(at("r", "log#2", "n", one), ""), putting(at("r", "log#3", "n", two), ""),
			putting(at("r", "log#4", "n", two), ""), putting(at("s", "head", "n", one), "")), "ok"),
		same(query("realm = :a", "r"), "[[head log#1 log#2 log#3 log#4] 5 5 {}]"),
		same(query("#r = :a AND #k BETWEEN :b AND :c", "r log#2 log#3"), "[[log#2 log#3] 2 2 {}]"),
		same(query("realm = :a AND begins_with(#k, :b)", "r log#"), "[[log#1 log#2 log#3 log#4] 4 4 {}]"),
		same(query("realm = :a AND #k = :b", "r log#2"), "[[log#2] 1 1 {}]"),
		same(query("realm = :a AND #k > :b", "r log#2"), "[[log#3 log#4] 2 2 {}]"),
		same(query("realm = :a AND #k < :b", "r log#2", backwards), "[[log#1 head] 2 2 {}]"),
		same(query("#k <= :b AND (realm = :a)", "r log#2"), "[[head log#1 log#2] 3 3 {}]"),
		same(query("realm = :a AND #k >= :b", "r log#", backwards), "[[log#4 log#3 log#2 log#1] 4 4 {}]"),
		same(query("realm = :a", "nobody"), "[[] 0 0 {}]"),

		same(query("realm = :a", "r", limit(2)), "[[head log#1] 2 2 {key:log#1 realm:r}]"),
		differs(query("realm = :a", "r", limit(3), after(at("r", "log#1"))), "[[log#2 log#3 log#4] 3 3 {key:log#4 realm:r}]", "it looks ahead"),
		same(query("realm = :a", "r", limit(2), after(at("r", "log#3")), backwards), "[[log#2 log#1] 2 2 {key:log#1 realm:r}]"),
		same(query("realm = :a", "r", after(at("r", "log#25"))), "[[log#3 log#4] 2 2 {}]"),
		differs(query("realm = :a", "r", after(at("s", "log#1"))),
			invalid+"The provided starting key is outside query boundaries based on provided conditions", careless),
		same(query("realm = :a", "r", filter("n = :n", ":n", two), limit(4)), "[[log#3] 1 4 {key:log#3 realm:r}]"),
		differs(query("realm = :a", "r", filter("begins_with(#k, :a)")),
			invalid+"Filter Expression can only contain non-primary key attributes: Primary key attribute: key", careless),
		same(query("realm = :a", "r", counted), "[[] 5 5 {}]"),

		same(query("realm = :a", ""), emptyKey+"realm"),
		same(query("#k = :a", "head"), invalid+"Query condition missed key schema element: realm"),
		same(query("realm > :a", "r"), invalid+"Query key condition not supported"),
		differs(query("realm = :a OR realm = :b", "r s"), invalid+"Invalid operator used in KeyConditionExpression: OR", crashes),
		differs(query("realm = :a AND #k <> :b", "r s"), invalid+"Invalid operator used in KeyConditionExpression: <>", crashes),
		same(query("realm = :a AND n = :b", "r s"), invalid+"Query condition missed key schema element: key"),
		differs(query("realm = :a AND #k > :b AND #k < :b", "r s"),
			invalid+"KeyConditionExpressions must only contain one condition per key", "it ignores them"),
		differs(query("realm = :a AND #k BETWEEN :c AND :b", "r a b"), invalid+bounds, careless),
	}
}

// scanSteps are the other reads of several items. The last ones delete the table.
func scanSteps() []step {
	h, s := str("head"), str("s")
	return []step{
		same(scan("#k = :h AND realm = :s", "", ":h", h, ":s", s), "[[{key:head n:1 realm:s}] 1 6 {}]"),
		same(scan("#k = :h AND realm = :s", "#r, n", ":h", h, ":s", s), "[[{n:1 realm:s}] 1 6 {}]"),
		same(batch(at("r", "head"), at("s", "head"), at("r", "none")),
			"[{r/head:{key:head n:1.5 realm:r} s/head:{key:head n:1 realm:s}} {}]"),
		same(batch(at("r", "head"), at("r", "head")), invalid+"Provided list of item keys contains duplicates"),
		differs(batch(), invalid+"1 validation error detected: Value at 'requestItems.events.member.keys' failed to satisfy constraint: "+
			"Member must have length greater than or equal to 1", careless),
		same(drop, "ok"),
		same(get(at("r", "head")), "ResourceNotFoundException: Requested resource not found"),
	}
}
