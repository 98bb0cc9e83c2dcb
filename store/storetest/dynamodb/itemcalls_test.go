package dynamodb_test

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func itemSteps() []step {
	one := num("1")
	all := func(in *sdk.PutItemInput) { in.ReturnValues = types.ReturnValueAllOld }
	return []step{
		same(get(at("r", "head")), "()"),
		same(put(at("r", "head", "n", num("007.50"), "b", bin("\x00\xff"), "t", boolean(true), "z", null(), "s", str(""))), "()"),
		differs(get(at("r", "head")), "(Item:{b:0x00ff key:head n:7.5 realm:r s: t:true z:true})", numbers),
		differs(get(at("r", "head"), "n, absent"), "(Item:{n:7.5})", numbers),
		differs(get(at("r", "head"), "key"),
			invalid+"Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: key", words),
		differs(put(at("r", "head", "n", one), all), "(Attributes:{b:0x00ff key:head n:7.5 realm:r s: t:true z:true})", numbers),
		same(put(at("r", "head", "n", one), all), "(Attributes:{key:head n:1 realm:r})"),
		same(remove(at("r", "none")), "()"),
		same(remove(at("r", "head"), func(in *sdk.DeleteItemInput) { in.ReturnValues = types.ReturnValueAllOld }),
			"(Attributes:{key:head n:1 realm:r})"),
		same(get(at("r", "head")), "()"),
	}
}

func sizeSteps() []step {
	one, long := num("1"), strings.Repeat("x", 400<<10)
	rest := 400<<10 - len("realm"+"r"+"key"+"big"+"x")
	return []step{
		same(put(attributes{"realm": str("r")}), oneOrMore+"Missing the key key in the item"),
		same(put(attributes{"realm": str("r"), "key": one}), oneOrMore+"Type mismatch for key key expected: S actual: N"),
		differs(put(at("", "k")), emptyKey+"realm", words),
		differs(put(at("r", "")), emptyKey+"key", words),
		same(put(at(long[:2049], "k")), oneOrMore+"Size of hashkey has exceeded the maximum size limit of2048 bytes"),
		same(put(at(long[:2048], long[:1025])), oneOrMore+"Aggregated size of all range keys has exceeded the size limit of 1024 bytes"),
		same(put(at(long[:2048], long[:1024])), "()"),
		same(remove(at(long[:2048], long[:1024])), "()"),
		differs(get(attributes{"realm": str("r")}), invalid+"The provided key element does not match the schema", words),
		same(get(at("r", "k", "more", one)), invalid+"The provided key element does not match the schema"),
		same(get(at("r", "")), emptyKey+"key"),

		differs(put(at("r", "big", "x", str(long[:rest]))), "()", "it counts more bytes"),
		same(put(at("r", "big", "x", str(long[:rest+1]))), invalid+"Item size has exceeded the maximum allowed size"),
		same(remove(at("r", "big")), "()"),
		same(put(at("r", "k", "n", num("x"))), invalid+"The parameter cannot be converted to a numeric value: x"),
		differs(put(at("r", "k", "n", num("1e126"))),
			invalid+"Number overflow. Attempting to store a number with magnitude larger than supported range", careless),
		differs(put(at("r", "k", "n", num(strings.Repeat("1", 39)))),
			invalid+"Attempting to store more than 38 significant digits in a Number", careless),
	}
}

func conditionSteps() []step {
	one, two, i := num("1"), num("2"), at("r", "k", "value", num("1"))
	const bounds = "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; " +
		"lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}"
	return []step{
		same(put(i), "()"),
		same(putIf(i, "attribute_not_exists(#k)"), failed),
		same(put(i, func(in *sdk.PutItemInput) {
			in.ConditionExpression = aws.String("attribute_not_exists(realm)")
			in.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
		}), failed+" {key:k realm:r value:1}"),
		same(remove(at("r", "k"), func(in *sdk.DeleteItemInput) {
			in.ConditionExpression, in.ExpressionAttributeValues = aws.String("realm = :v"), values(":v", str("x"))
		}), failed),
		same(putIf(i, "attribute_exists(#k) AND #v = :v", ":v", one), "()"),
		same(putIf(i, "#v = :v", ":v", num("1.0")), "()"),
		same(putIf(i, "#v = :v", ":v", str("1")), failed),
		same(putIf(i, "#v <> :v", ":v", str("1")), "()"),
		same(putIf(i, "absent <> :v", ":v", one), "()"),
		same(putIf(i, "absent = :v", ":v", one), failed),
		same(putIf(i, "absent < :v", ":v", one), failed),
		same(putIf(i, "NOT absent = :v", ":v", one), "()"),
		same(putIf(i, "#v < :w AND #v >= :v AND NOT (#v > :v)", ":v", one, ":w", num("10")), "()"),
		same(putIf(i, "#v = :w OR #v = :v AND #v = :w", ":v", one, ":w", two), failed),
		same(putIf(i, "(#v = :v OR #v = :w) AND attribute_exists(#r)", ":v", one, ":w", two), "()"),
		same(putIf(i, "#v BETWEEN :v AND :w", ":v", one, ":w", two), "()"),
		same(putIf(i, "begins_with(#k, :v)", ":v", str("x")), failed),

		same(putIf(i, "value = :v", ":v", one), inCondition+"Attribute name is a reserved keyword; reserved keyword: value"),
		differs(putIf(i, "absent = :w", ":v", one),
			inCondition+"An expression attribute value used in expression is not defined; attribute value: :w", crashes),
		differs(putIf(i, "#x = :v", ":v", one),
			inCondition+"An expression attribute name used in the document path is not defined; attribute name: #x", crashes),
		differs(putIf(i, "#v = :v", ":v", one, ":w", two),
			invalid+"Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}", careless),
		same(put(i, func(in *sdk.PutItemInput) {
			in.ConditionExpression, in.ExpressionAttributeNames = aws.String("attribute_exists(realm)"), map[string]string{"#x": "x"}
		}), invalid+"Value provided in ExpressionAttributeNames unused in expressions: keys: {#x}"),
		differs(putIf(i, "#v = ", ":v", one), inCondition+`Syntax error; token: "<EOF>", near: "="`, crashes),
		differs(putIf(i, "#v == :v", ":v", one), inCondition+`Syntax error; token: "=", near: "= = :v"`, crashes),
		differs(putIf(i, ""), inCondition+"The expression can not be empty;", "it takes it for none"),
		differs(putIf(i, "exists(#v)"), inCondition+"Invalid function name; function: exists", "it takes the function for an attribute"),
		same(putIf(i, "((#v = :v))", ":v", one), inCondition+"The expression has redundant parentheses;"),
		differs(putIf(i, "#v BETWEEN :w AND :v", ":v", one, ":w", two), inCondition+bounds, careless),
	}
}
