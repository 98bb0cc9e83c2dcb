package dynamodb_test

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func transactionSteps() []step {
	const update, once = "SET n = n + :one, who = if_not_exists(who, :me)", "attribute_not_exists(#k)"
	one, two, me := num("1"), num("2"), str("me")
	first := transact("t1", updating(at("r", "head"), update, "n = :one", ":one", one, ":me", me),
		deleting(at("r", "k"), "attribute_exists(#k)"))
	long := str(strings.Repeat("x", 400<<10))
	const none = "1 validation error detected: Value '[]' at 'transactItems' failed to satisfy constraint: " +
		"Member must have length greater than or equal to 1"
	return []step{
		same(transact("", putting(at("r", "head", "n", one), once), putting(at("r", "log#1", "n", one), ""),
			checking(at("r", "none"), once)), "ok"),
		same(transact("", putting(at("r", "head", "n", two), once), putting(at("r", "log#2"), ""), checking(at("r", "k"), "#v = :v", ":v", two)),
			cancelled+"[ConditionalCheckFailed, None, ConditionalCheckFailed] [(Code:ConditionalCheckFailed Message:The conditional request failed)"+
				" (Code:None) (Code:ConditionalCheckFailed Item:{key:k realm:r value:1} Message:The conditional request failed)]"),
		same(get(at("r", "log#2")), "()"),

		same(first, "ok"),
		differs(first, "ok", tokens),
		differs(transact("t1", updating(at("r", "head"), "SET n = n + :one", "", ":one", one)),
			"IdempotentParameterMismatchException: The request uses the same client token as a previous, but non-identical request.", tokens),
		differs(transactGet(at("r", "head"), at("r", "k"), at("r", "log#1")),
			"(Responses:[(Item:{key:head n:2 realm:r who:me}) () (Item:{key:log#1 n:1 realm:r})])", tokens),
		differs(transact(strings.Repeat("t", 37), putting(at("r", "a"), "")),
			invalid+"1 validation error detected: Value '"+strings.Repeat("t", 37)+"' at 'clientRequestToken' failed to satisfy constraint: "+
				"Member must have length less than or equal to 36", tokens),
		same(put(at("r", "head", "n", two, "who", me)), "()"), // for moto, from here on
		same(remove(at("r", "a")), "()"),

		same(transact("", updating(at("r", "new"), "ADD n :one REMOVE gone", "", ":one", one),
			updating(at("r", "head"), "REMOVE who ADD n :one", "", ":one", num("-0.5"))), "ok"),
		same(transactGet(at("r", "head"), at("r", "new")), "(Responses:[(Item:{key:head n:1.5 realm:r}) (Item:{key:new n:1 realm:r})])"),
		same(remove(at("r", "new")), "()"),

		same(transact("", putting(at("r", "a"), ""), deleting(at("r", "a"), "")),
			invalid+"Transaction request cannot include multiple operations on one item"),
		differs(transact("", make([]types.TransactWriteItem, 1)...),
			invalid+"TransactItems can only contain one of Check, Put, Update or Delete", crashes),
		differs(transact("", putting(attributes{"realm": one, "key": str("a")}, ""), putting(at("r", "head"), once)),
			cancelled+"[ValidationError, None] [(Code:ValidationError Message:One or more parameter values were invalid: "+
				"Type mismatch for key realm expected: S actual: N) (Code:None)]", whole),
		differs(transact("", putting(at("r", "big", "x", long), ""), putting(at("r", "b"), "")),
			cancelled+"[ValidationError, None] [(Code:ValidationError Message:Item size has exceeded the maximum allowed size) (Code:None)]", whole),
		differs(transact("", updating(at("r", "head"), "SET absent = absent + :one", "", ":one", one)),
			cancelled+"[ValidationError] [(Code:ValidationError "+
				"Message:The provided expression refers to an attribute that does not exist in the item)]", whole),
		differs(transact("", updating(at("r", "head"), "SET #k = :one", "", ":one", str("x"))),
			cancelled+"[ValidationError] [(Code:ValidationError Message:One or more parameter values were invalid: "+
				"Cannot update attribute key. This attribute is part of the key)]", whole),
		differs(transact(""), invalid+none, careless),
		differs(transactGet(), invalid+none, careless),
	}
}
