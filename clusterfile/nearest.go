package clusterfile

// nearest is the word that differs least from key, "" when none is close enough to be a slip.
func nearest(key string, words []string) string {
	best, at := 3, ""
	for _, w := range words {
		if d := distance(key, w); d < best && d < len(key) {
			best, at = d, w
		}
	}
	return at
}

// distance is Levenshtein's: the least number of inserted, deleted and replaced bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
