// Package mergesort is the stable merge sort whose exact course is part of the scheduler's behaviour: some of
// the orders that it is used with are not transitive, so that the result depends on which pairs are compared.
package mergesort

// Sorted returns the elements in order. It splits a list of n into its first n/2 elements and the rest.
func Sorted[T any](list []T, compare func(a, b T) int) []T {
	out := make([]T, len(list))
	copy(out, list)
	if len(out) > 1 {
		sort(out, make([]T, len(out)), compare)
	}
	return out
}

func sort[T any](list, spare []T, compare func(a, b T) int) {
	if len(list) < 2 {
		return
	}
	half := len(list) / 2
	sort(list[:half], spare[:half], compare)
	sort(list[half:], spare[half:], compare)
	copy(spare, list)
	left, right := spare[:half], spare[half:len(list)]
	for i := range list {
		if len(right) == 0 || len(left) > 0 && compare(left[0], right[0]) <= 0 {
			list[i], left = left[0], left[1:]
		} else {
			list[i], right = right[0], right[1:]
		}
	}
}
