package builtin

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/big"
	"strconv"
	"strings"

	"tierlab/reference/tools"
)

// The calculator's bounds: of the expression, and of every number on the way.
const (
	maxExpression = 2000   // bytes
	maxNesting    = 100    // levels
	maxBits       = 65_536 // of a numerator or denominator: 19,728 decimal digits
	maxPower      = 10_000 // of an exponent
	maxDecimals   = 1000   // digits that round takes
)

// calculator evaluates arithmetic exactly, over fractions of big integers. An
// expression is one of Go:
//
//	number      12  1_000  0.25  1e9  0xff
//	operator    + - * /, and % on whole numbers, with the sign of the dividend
//	group       ( )  and a sign before
//	function    abs floor ceil trunc round(x) round(x, digits) min max sum gcd
//	            pow(x, n) sqrt(x)
//
// round goes half away from zero; pow takes a whole n; sqrt takes squares of
// fractions only, since other roots are not exact.
func calculator() tools.Tool {
	return tools.Tool{
		Name: "calculator",
		Description: "Evaluate arithmetic exactly: + - * / % ( ) and abs, floor, ceil, trunc, round(x, digits), min, max, sum, gcd, pow(x, n), sqrt. " +
			"Example: round(pow(1.05, 10) * 2500, 2). A value that has no finite decimal is also given as a fraction.",
		Input: json.RawMessage(`{"type":"object","properties":{"expression":{"type":"string","minLength":1,"maxLength":2000}},"required":["expression"],"additionalProperties":false}`),
		Output: json.RawMessage(`{"type":"object","properties":{"value":{"type":"string"},"exact":{"type":"boolean"},"fraction":{"type":"string"}},` +
			`"required":["value","exact"],"additionalProperties":false}`),
		Repeat: tools.Pure,
		Run: typed(func(_ context.Context, _ *tools.Call, a struct {
			Expression string `json:"expression"`
		}) (tools.Result, error) {
			v, err := evaluate(a.Expression)
			if err != nil {
				return tools.Fail("%v", err), nil
			}
			return answer(wordValue(v))
		}),
	}
}

// calculated is the calculator's result.
type calculated struct {
	Value    string `json:"value"`              // a decimal
	Exact    bool   `json:"exact"`              // the decimal is all of it
	Fraction string `json:"fraction,omitempty"` // where it is not
}

// inexactDigits are those after the point of a value without finite decimal.
const inexactDigits = 40

func wordValue(v *big.Rat) calculated {
	if digits, finite := v.FloatPrec(); finite {
		return calculated{Value: v.FloatString(digits), Exact: true}
	}
	return calculated{Value: v.FloatString(inexactDigits), Fraction: v.RatString()}
}

// evaluate is an expression's value.
func evaluate(text string) (*big.Rat, error) {
	if len(text) > maxExpression {
		return nil, fmt.Errorf("the expression has %d bytes: at most %d are taken", len(text), maxExpression)
	}
	if strings.Contains(text, "**") {
		return nil, fmt.Errorf("** is no operator here: write pow(x, n)")
	}
	tree, err := parser.ParseExpr(text)
	if err != nil {
		return nil, fmt.Errorf("%s is no expression: %v", quoted(text), err)
	}
	return value(tree, 0)
}

// value is a subexpression's value, which its caller may change.
func value(e ast.Expr, depth int) (*big.Rat, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("the expression is nested more than %d levels deep", maxNesting)
	}
	switch e := e.(type) {
	case *ast.BasicLit:
		return literal(e)
	case *ast.ParenExpr:
		return value(e.X, depth+1)
	case *ast.UnaryExpr:
		return unary(e, depth)
	case *ast.BinaryExpr:
		return binary(e, depth)
	case *ast.CallExpr:
		return apply(e, depth)
	case *ast.Ident:
		return nil, fmt.Errorf("%s is no number: names are those of functions only, as in sqrt(2.25)", quoted(e.Name))
	}
	return nil, fmt.Errorf("at character %d stands what is no arithmetic: want numbers, + - * / %% ( ) and functions", e.Pos())
}

// literal is a number as it is written. A leading zero would mean octal to Go
// and decimal to anybody else.
func literal(l *ast.BasicLit) (*big.Rat, error) {
	text := strings.ReplaceAll(l.Value, "_", "")
	hex := len(text) > 2 && (text[1] == 'x' || text[1] == 'X')
	switch {
	case l.Kind != token.INT && l.Kind != token.FLOAT:
		return nil, fmt.Errorf("%s is no number", quoted(l.Value))
	case l.Kind == token.FLOAT && hex:
		return nil, fmt.Errorf("number %s: write fractions in decimal", quoted(l.Value))
	case l.Kind == token.INT && len(text) > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9':
		return nil, fmt.Errorf("number %s: write it without the leading zero", quoted(l.Value))
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 && !hex {
		if n, err := strconv.Atoi(text[i+1:]); err != nil || n > maxPower || n < -maxPower {
			return nil, fmt.Errorf("number %s: its exponent is beyond %d", quoted(l.Value), maxPower)
		}
	}
	v, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, fmt.Errorf("%s is no number", quoted(l.Value))
	}
	return fits(v)
}

func fits(v *big.Rat) (*big.Rat, error) {
	if v.Num().BitLen() > maxBits || v.Denom().BitLen() > maxBits {
		return nil, fmt.Errorf("a number on the way has more than %d bits", maxBits)
	}
	return v, nil
}

func unary(e *ast.UnaryExpr, depth int) (*big.Rat, error) {
	v, err := value(e.X, depth+1)
	switch {
	case err != nil:
		return nil, err
	case e.Op == token.ADD:
		return v, nil
	case e.Op == token.SUB:
		return v.Neg(v), nil
	}
	return nil, fmt.Errorf("%s is no sign: want + or -", e.Op)
}

func binary(e *ast.BinaryExpr, depth int) (*big.Rat, error) {
	x, err := value(e.X, depth+1)
	if err != nil {
		return nil, err
	}
	y, err := value(e.Y, depth+1)
	if err != nil {
		return nil, err
	}
	zero := y.Sign() == 0
	switch {
	case e.Op == token.ADD:
		x.Add(x, y)
	case e.Op == token.SUB:
		x.Sub(x, y)
	case e.Op == token.MUL:
		x.Mul(x, y)
	case (e.Op == token.QUO || e.Op == token.REM) && zero:
		return nil, fmt.Errorf("division by zero in %s %s 0", quoted(x.RatString()), e.Op)
	case e.Op == token.QUO:
		x.Quo(x, y)
	case e.Op == token.REM && (!x.IsInt() || !y.IsInt()):
		return nil, fmt.Errorf("%% is the remainder of whole numbers, and one of these has a fraction")
	case e.Op == token.REM:
		x.SetInt(new(big.Int).Rem(x.Num(), y.Num()))
	case e.Op == token.XOR:
		return nil, fmt.Errorf("^ is no operator here: write pow(x, n)")
	default:
		return nil, fmt.Errorf("%s is no operator here: want + - * / or %%", e.Op)
	}
	return fits(x)
}
