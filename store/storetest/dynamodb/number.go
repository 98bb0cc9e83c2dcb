package dynamodb

import (
	"math/big"
	"strconv"
	"strings"
)

// number returns a number in its normal form: without needless zeros, and without an exponent.
func number(s string) (string, error) {
	notOne := invalid("The parameter cannot be converted to a numeric value: %s", s)
	unsigned := strings.TrimLeft(s, "+-")
	if len(s)-len(unsigned) > 1 || len(s) > 400 {
		return "", notOne
	}
	mantissa, exponent, exp := strings.ToLower(unsigned), "", 0
	if i := strings.IndexByte(mantissa, 'e'); i >= 0 {
		mantissa, exponent = mantissa[:i], mantissa[i+1:]
		var err error
		if exp, err = strconv.Atoi(exponent); err != nil || len(exponent) > 5 {
			return "", notOne
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return "", notOne
	}
	exp -= len(fraction)
	digits = strings.TrimLeft(digits, "0")
	significant := strings.TrimRight(digits, "0")
	exp += len(digits) - len(significant)
	if significant == "" {
		return "0", nil
	}
	switch magnitude := exp + len(significant) - 1; {
	case len(significant) > 38:
		return "", invalid("Attempting to store more than 38 significant digits in a Number")
	case magnitude > 125:
		return "", invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
	case magnitude < -130:
		return "", invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
	}
	plain := significant
	switch point := exp + len(significant); {
	case exp >= 0:
		plain += strings.Repeat("0", exp)
	case point > 0:
		plain = significant[:point] + "." + significant[point:]
	default:
		plain = "0." + strings.Repeat("0", -point) + significant
	}
	if s[0] == '-' {
		plain = "-" + plain
	}
	return plain, nil
}

// plus returns a+b, or a-b.
func plus(a, b value, minus bool) (value, error) {
	if a.kind != "N" || b.kind != "N" {
		return value{}, invalid("An operand in the update expression has an incorrect data type")
	}
	x, y := a.rat(), b.rat()
	if minus {
		y.Neg(y)
	}
	sum := x.Add(x, y).FloatString(170) // no number has more behind its point
	text, err := number(strings.TrimRight(strings.TrimRight(sum, "0"), "."))
	return value{"N", text}, err
}

func (v value) rat() *big.Rat {
	r, ok := new(big.Rat).SetString(v.text)
	if !ok {
		panic("no number: " + v.text)
	}
	return r
}
