package device

import (
	"slices"
	"strings"
)

// splitHosts splits pcmk_host_list.
func splitHosts(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" ,;\n\t", r) })
}

// parseMap reads node:value pairs, as in pcmk_host_map. Pairs are separated by semicolons or white space,
// name and value by a colon or an equal sign; a backslash takes the next character as it is. Later colons
// belong to the value.
func parseMap(s string) []Param {
	var pairs []Param
	var part strings.Builder
	name, named := "", false
	end := func() {
		if named && name != "" && part.Len() > 0 {
			pairs = append(pairs, Param{name, part.String()})
		}
		part.Reset()
		name, named = "", false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			part.WriteByte(s[i])
		case strings.IndexByte("; \t\n", c) >= 0:
			end()
		case (c == ':' || c == '=') && !named:
			name, named = part.String(), true
			part.Reset()
		default:
			part.WriteByte(c)
		}
	}
	end()
	return pairs
}

// parseTargets reads the output of an agent's list action: outlet and alias per line. Both name the target,
// as in Pacemaker; agents that know nothing write N/A, and some add the outlet's state.
func parseTargets(output string) []string {
	var names []string
	for _, f := range splitHosts(strings.ReplaceAll(output, "\r", "")) {
		if !slices.Contains([]string{"on", "off", "N/A"}, f) {
			names = append(names, f)
		}
	}
	return names
}

// contains compares node names, which do not differ in case alone.
func contains(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}
