package main

import (
	"math"
	"slices"
)

// quantile returns the least value that a part q of all is not above.
func quantile(values []float64, q float64) float64 {
	rank := int(math.Ceil(q * float64(len(values)))) // from 1
	return slices.Sorted(slices.Values(values))[max(rank, 1)-1]
}

func median(values []float64) float64 { return quantile(values, 0.5) }
