package dynamodb

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"
)

func texts() *expressions {
	values := map[string]value{":s": {"S", "x"}, ":n": {"N", "2"}, ":t": {"BOOL", "true"}}
	e, err := newExpressions(map[string]string{"#a": "a", "#b": "b"}, values)
	if err != nil {
		panic(err)
	}
	return e
}

func TestConditionsInMemory(t *testing.T) {
	t.Parallel()
	i := item{"n": {"N", "10"}, "s": {"S", "xy"}, "b": {"B", "xyz"}, "t": {"BOOL", "true"}}
	f := func(text, want string) {
		t.Helper()
		c, err := texts().condition("ConditionExpression", &text)
		got := ""
		var told *failure
		switch {
		case errors.As(err, &told):
			got = strings.TrimPrefix(told.message, "Invalid ConditionExpression: ")
		case err != nil:
			t.Error(err)
		case c.holds(i):
			got = "true"
		default:
			got = "false"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	f("n > :n", "true")
	f("n <= :n", "false")
	f(":n < n", "true")
	f("s > :s and s < b", "false")
	f("n > :s", "false")
	f("n <> :s", "true")
	f("t = :t", "true")
	f("s = s", "true")
	f("x = x", "false")
	f("x <> x", "true")
	f("begins_with(s, :s)", "true")
	f("begins_with(b, :s)", "false")
	f("begins_with(n, :s)", "false")
	f("s BETWEEN :s AND s", "true")
	f("x BETWEEN :s AND s", "false")
	f("not not attribute_exists(s)", "true")
	f("attribute_exists(x) or attribute_exists(y) or not(attribute_exists(z))", "true")
	f("(n = :n) OR (t = :t AND (s = :s OR n > :n))", "true")
	f("t > :t", "Incorrect operand type for operator or function; operator or function: >, operand type: BOOL")
	f("begins_with(n, :n)", "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N")
	f("n BETWEEN :n AND :s", "The BETWEEN operator requires same data type for lower and upper bounds; "+
		"lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {S:x}")
	f("attribute_exists(:s)", "Operator or function requires a document path; operator or function: attribute_exists")
	f("size(s) > :n", "the function size is not known to this server")
	f("contains(s, :s)", "the function contains is not known to this server")
	f("n IN (:n, :s)", "the operator IN is not known to this server")
	f("a.b = :s", `paths into documents are not known to this server; near: ".b = :s"`)
	f("a[0] = :s", `paths into documents are not known to this server; near: "[0] = :s"`)
	f("#c = :s", "An expression attribute name used in the document path is not defined; attribute name: #c")
	f("s = 'x'", `Syntax error; token: "'", near: "'x'"`)
	f("s != :s", `Syntax error; token: "!", near: "!= :s"`)
	f("s", `Syntax error; token: "<EOF>", near: "s"`)
	f("s = :s n = :n", `Syntax error; token: "n", near: ":s n ="`)
	f("(s = :s", `Syntax error; token: "<EOF>", near: ":s"`)
	f("((s = :s) AND (n = :n))", "false")
	f("((s = :s) AND ((n = :n)))", "The expression has redundant parentheses;")
	f(strings.Repeat(" ", 4097)+"s", "Expression size has exceeded the maximum allowed size; expression size: 4098")
}

func TestUpdatesInMemory(t *testing.T) {
	t.Parallel()
	f := func(text, want string) {
		t.Helper()
		got := ""
		u, err := texts().update(text)
		if err == nil {
			var i item
			i, err = u.of(item{"n": {"N", "10"}, "s": {"S", "xy"}}, nil)
			for _, name := range []string{"n", "s", "a", "b"} {
				if v, ok := i[name]; ok {
					got += name + "=" + v.text + " "
				}
			}
		}
		var told *failure
		if errors.As(err, &told) {
			got = strings.TrimPrefix(told.message, "Invalid UpdateExpression: ")
		}
		if strings.TrimSpace(got) != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	f("SET n = :n", "n=2 s=xy")
	f("SET n = n + :n, #a = n - :n", "n=12 s=xy a=8")
	f("SET s = n, n = if_not_exists(n, :n) + if_not_exists(#b, :n)", "n=12 s=10")
	f("REMOVE n, #a SET #b = :t", "s=xy b=true")
	f("add n :n, #a :n remove s", "n=12 a=2")
	f("SET n = s + :n", "An operand in the update expression has an incorrect data type")
	f("SET n = #a + :n", "The provided expression refers to an attribute that does not exist in the item")
	f("SET n = :n, n = :n", "Two document paths overlap with each other; must remove or rewrite one of these paths; "+
		"path one: [n], path two: [n]")
	f("SET n = :n SET s = :s", `The "SET" section can only be used once in an update expression;`)
	f("SET n = list_append(n, :n)", "the function list_append is not known to this server")
	f("SET n = other(n, :n)", "Invalid function name; function: other")
	f("DELETE n :n", "the section DELETE is not known to this server")
	f("ADD n :s", "Incorrect operand type for operator or function; operator: ADD, operand type: S")
	f("SET n :n", `Syntax error; token: ":n", near: "n :n"`)
	f("n = :n", `Syntax error; token: "n", near: "n ="`)
	f("SET name = :n", "Attribute name is a reserved keyword; reserved keyword: name")
	f("", "The expression can not be empty;")
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	f := func(in, want string) {
		t.Helper()
		got, err := number(in)
		var told *failure
		if errors.As(err, &told) {
			got, _, _ = strings.Cut(told.message, ":")
		}
		if got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	f("0", "0")
	f("-0.00", "0")
	f("007", "7")
	f("+1.50", "1.5")
	f("-.5", "-0.5")
	f("1e3", "1000")
	f("12.5E-3", "0.0125")
	f("9e125", "9"+strings.Repeat("0", 125))
	f("1e-130", "0."+strings.Repeat("0", 129)+"1")
	f("12345678901234567890123456789012345678", "12345678901234567890123456789012345678")
	const no = "The parameter cannot be converted to a numeric value"
	for _, in := range []string{"", "-", ".", "e1", "1e", "--1", "1x", "0x1", "1e1.5", "NaN", "1_000", " 1", "1e99999999999999999999"} {
		f(in, no)
	}
	f("1e126", "Number overflow. Attempting to store a number with magnitude larger than supported range")
	f("1e-131", "Number underflow. Attempting to store a number with magnitude smaller than supported range")
	f("1.00000000000000000000000000000000000001", "Attempting to store more than 38 significant digits in a Number")
}

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"1", "-0.5e3", "1e-130", "00.100"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := number(s)
		if err != nil {
			return
		}
		if again, err := number(n); err != nil || again != n {
			t.Errorf("%q became %s, and that %s, %v", s, n, again, err)
		}
		if was, ok := new(big.Rat).SetString(s); !ok || was.Cmp(value{"N", n}.rat()) != 0 {
			t.Errorf("%q became %s", s, n)
		}
	})
}

// FuzzExpressions holds that an expression is refused or means something.
func FuzzExpressions(f *testing.F) {
	for _, s := range []string{
		"#a = :s AND NOT (n < :n)", "begins_with(b, :s) OR n BETWEEN :n AND n", "SET n = n + :n REMOVE s", "ADD #a :n", "a, b",
	} {
		f.Add(s)
	}
	table := newTable("events", "a", "b", time.Time{})
	f.Fuzz(func(t *testing.T, s string) {
		for _, i := range []item{nil, {"n": {"N", "1"}, "s": {"S", "x"}, "a": {"B", "x"}}} {
			if c, err := texts().condition("ConditionExpression", &s); err == nil {
				c.holds(i)
			}
			if u, err := texts().update(s); err == nil {
				_, _ = u.of(i, item{})
			}
		}
		_, _ = texts().projection(&s)
		_, _ = table.span(texts(), &s)
	})
}
