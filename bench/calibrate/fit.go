package calibrate

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// nonNegative finds the x >= 0 that minimises |A x - b|, by the active-set
// method of Lawson and Hanson (Solving Least Squares Problems, 1974, chapter
// 23). Rows of A are observations. Columns that are all zero get 0.
func nonNegative(a *mat.Dense, b *mat.VecDense) ([]float64, error) {
	rows, cols := a.Dims()
	if rows < cols {
		return nil, fmt.Errorf("%d observations for %d coefficients", rows, cols)
	}
	scale := columnNorms(a)
	x := make([]float64, cols)
	free := make([]bool, cols) // the passive set: coefficients that may be above 0
	residual := mat.NewVecDense(rows, nil)
	gradient := mat.NewVecDense(cols, nil)
	tolerance := 1e-10 * mat.Norm(b, 2)
	for range 3 * cols * cols {
		residual.MulVec(a, mat.NewVecDense(cols, x))
		residual.SubVec(b, residual)
		gradient.MulVec(a.T(), residual)
		enter := -1
		for j := range cols {
			if !free[j] && scale[j] > 0 && gradient.AtVec(j)/scale[j] > tolerance &&
				(enter < 0 || gradient.AtVec(j)/scale[j] > gradient.AtVec(enter)/scale[enter]) {
				enter = j
			}
		}
		if enter < 0 {
			return x, nil
		}
		free[enter] = true
		if err := settle(a, b, x, free); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the fit does not converge: the loads are too alike to tell the features apart")
}

// settle solves for the free coefficients and, while one of them would be
// negative, goes as far towards the solution as all stay at least 0 and fixes
// those that have come to 0.
func settle(a *mat.Dense, b *mat.VecDense, x []float64, free []bool) error {
	for {
		z, err := solve(a, b, free)
		if err != nil {
			return err
		}
		step := 1.0
		for j := range x {
			if free[j] && z[j] <= 0 {
				step = math.Min(step, x[j]/(x[j]-z[j]))
			}
		}
		for j := range x {
			x[j] += step * (z[j] - x[j])
			if free[j] && (x[j] <= 0 || step < 1 && z[j] <= 0 && x[j] < 1e-12*math.Abs(z[j])) {
				free[j], x[j] = false, 0
			}
		}
		if step == 1 {
			return nil
		}
	}
}

// solve is least squares over the free columns; the others are 0.
func solve(a *mat.Dense, b *mat.VecDense, free []bool) ([]float64, error) {
	rows, cols := a.Dims()
	var at []int
	for j, f := range free {
		if f {
			at = append(at, j)
		}
	}
	part := mat.NewDense(rows, len(at), nil)
	for k, j := range at {
		for i := range rows {
			part.Set(i, k, a.At(i, j))
		}
	}
	var qr mat.QR
	qr.Factorize(part)
	z := make([]float64, cols)
	var y mat.VecDense
	if err := qr.SolveVecTo(&y, false, b); err != nil {
		var condition mat.Condition
		if !errors.As(err, &condition) || math.IsInf(float64(condition), 1) {
			return nil, fmt.Errorf("least squares: %w", err)
		}
	}
	for k, j := range at {
		z[j] = y.AtVec(k)
	}
	return z, nil
}

func columnNorms(a *mat.Dense) []float64 {
	_, cols := a.Dims()
	norms := make([]float64, cols)
	for j := range norms {
		norms[j] = mat.Norm(a.ColView(j), 2)
	}
	return norms
}
