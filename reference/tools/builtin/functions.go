package builtin

import (
	"fmt"
	"go/ast"
	"math/big"

	"tierlab/internal/spell"
)

// functions are the calculator's, by name, with how many arguments they take.
var functions = map[string]struct {
	least, most int
	apply       func(v []*big.Rat) (*big.Rat, error)
}{
	"abs":   {1, 1, func(v []*big.Rat) (*big.Rat, error) { return v[0].Abs(v[0]), nil }},
	"floor": {1, 1, func(v []*big.Rat) (*big.Rat, error) { return whole(floor(v[0])), nil }},
	"ceil":  {1, 1, func(v []*big.Rat) (*big.Rat, error) { return whole(ceil(v[0])), nil }},
	"trunc": {1, 1, func(v []*big.Rat) (*big.Rat, error) { return whole(new(big.Int).Quo(v[0].Num(), v[0].Denom())), nil }},
	"round": {1, 2, round},
	"min":   {1, 1000, func(v []*big.Rat) (*big.Rat, error) { return extreme(v, -1), nil }},
	"max":   {1, 1000, func(v []*big.Rat) (*big.Rat, error) { return extreme(v, 1), nil }},
	"sum":   {1, 1000, sum},
	"gcd":   {2, 2, gcd},
	"pow":   {2, 2, power},
	"sqrt":  {1, 1, squareRoot},
}

func apply(e *ast.CallExpr, depth int) (*big.Rat, error) {
	name, ok := e.Fun.(*ast.Ident)
	if !ok || e.Ellipsis.IsValid() {
		return nil, fmt.Errorf("at character %d stands a call of what is no function", e.Pos())
	}
	f, ok := functions[name.Name]
	if !ok {
		var names []string
		for n := range functions {
			names = append(names, n)
		}
		return nil, fmt.Errorf("there is no function %s%s", quoted(name.Name), spell.Hint(name.Name, names))
	}
	if n := len(e.Args); n < f.least || n > f.most {
		return nil, fmt.Errorf("%s has %d arguments: want %s", name.Name, n, count(f.least, f.most))
	}
	values := make([]*big.Rat, len(e.Args))
	for i, argument := range e.Args {
		var err error
		if values[i], err = value(argument, depth+1); err != nil {
			return nil, err
		}
	}
	v, err := f.apply(values)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name.Name, err)
	}
	return fits(v)
}

func count(least, most int) string {
	switch {
	case least == most:
		return fmt.Sprint(least)
	case most > 2:
		return fmt.Sprintf("at least %d", least)
	}
	return fmt.Sprintf("%d or %d", least, most)
}

func whole(n *big.Int) *big.Rat { return new(big.Rat).SetInt(n) }

// floor is the next whole number down: Euclidean division by a positive number.
func floor(v *big.Rat) *big.Int { return new(big.Int).Div(v.Num(), v.Denom()) }

func ceil(v *big.Rat) *big.Int {
	n := floor(new(big.Rat).Neg(v))
	return n.Neg(n)
}

func round(v []*big.Rat) (*big.Rat, error) {
	digits := 0
	if len(v) == 2 {
		var err error
		if digits, err = small(v[1], maxDecimals); err != nil {
			return nil, err
		}
	}
	scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(digits, -digits))), nil))
	if digits < 0 {
		scale.Inv(scale)
	}
	x := new(big.Rat).Mul(new(big.Rat).Abs(v[0]), scale)
	rounded := whole(floor(x.Add(x, big.NewRat(1, 2))))
	if v[0].Sign() < 0 {
		rounded.Neg(rounded)
	}
	return rounded.Quo(rounded, scale), nil
}

// small is a whole number within -limit and limit.
func small(v *big.Rat, limit int64) (int, error) {
	if !v.IsInt() || !v.Num().IsInt64() || v.Num().Int64() > limit || v.Num().Int64() < -limit {
		return 0, fmt.Errorf("its second argument wants a whole number from -%d to %d", limit, limit)
	}
	return int(v.Num().Int64()), nil
}

func extreme(v []*big.Rat, sign int) *big.Rat {
	best := v[0]
	for _, x := range v[1:] {
		if x.Cmp(best) == sign {
			best = x
		}
	}
	return best
}

func sum(v []*big.Rat) (*big.Rat, error) {
	total := new(big.Rat)
	for _, x := range v {
		if _, err := fits(total.Add(total, x)); err != nil {
			return nil, err
		}
	}
	return total, nil
}

func gcd(v []*big.Rat) (*big.Rat, error) {
	if !v[0].IsInt() || !v[1].IsInt() {
		return nil, fmt.Errorf("its arguments want to be whole numbers")
	}
	return whole(new(big.Int).GCD(nil, nil, new(big.Int).Abs(v[0].Num()), new(big.Int).Abs(v[1].Num()))), nil
}

// power multiplies the size of x by n, so that is looked at before.
func power(v []*big.Rat) (*big.Rat, error) {
	x := v[0]
	n, err := small(v[1], maxPower)
	switch {
	case err != nil:
		return nil, err
	case n < 0 && x.Sign() == 0:
		return nil, fmt.Errorf("0 has no power below 0")
	case max(x.Num().BitLen(), x.Denom().BitLen())*max(n, -n) > 2*maxBits:
		return nil, fmt.Errorf("its result has more than %d bits", maxBits)
	}
	exponent := big.NewInt(int64(max(n, -n)))
	p := new(big.Rat).SetFrac(new(big.Int).Exp(x.Num(), exponent, nil), new(big.Int).Exp(x.Denom(), exponent, nil))
	if n < 0 {
		p.Inv(p)
	}
	return p, nil
}

func squareRoot(v []*big.Rat) (*big.Rat, error) {
	x := v[0]
	if x.Sign() < 0 {
		return nil, fmt.Errorf("a number below 0 has no real root")
	}
	num, denom := new(big.Int).Sqrt(x.Num()), new(big.Int).Sqrt(x.Denom())
	root := new(big.Rat).SetFrac(num, denom)
	if new(big.Rat).Mul(root, root).Cmp(x) != 0 {
		return nil, fmt.Errorf("the root of %s is no fraction, and results here are exact: take run_code for an approximation", quoted(x.RatString()))
	}
	return root, nil
}
