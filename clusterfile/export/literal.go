package export

import (
	"maps"
	"slices"
	"strconv"

	"github.com/holdfast-ha/holdfast/cib/value"
)

func itoa(n int) string { return strconv.Itoa(n) }

// truthOf writes a boolean of the CIB (on, yes, 1, ...) as TOML does.
func truthOf(text string) (string, error) {
	b, err := value.Bool(text)
	return strconv.FormatBool(b), err
}

// literal writes a value as TOML parsed it.
func literal(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var pairs []pair
		for _, k := range slices.Sorted(maps.Keys(v)) {
			pairs = append(pairs, pair{Key(k), literal(v[k])})
		}
		return inline(pairs)
	case []any:
		text := "["
		for i, item := range v {
			if i > 0 {
				text += ", "
			}
			text += literal(item)
		}
		return text + "]"
	case string:
		return Quote(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return `""`
}
