package session

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Confirm asks a question that is answered with yes or no. --yes answers it; without it and without somebody to
// ask, that is an error. An answer other than yes is an error too.
func (s *Session) Confirm(question string) error {
	if s.Yes {
		return nil
	}
	if !s.AnswerFrom {
		return Fail(api.CodeUsage, "%s This needs an answer: run the command in a terminal, or say --yes", question)
	}
	fmt.Fprintf(s.Err, "%s [y/N] ", question)
	line, err := bufio.NewReader(s.In).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	if err != nil && line == "" {
		fmt.Fprintln(s.Err)
	}
	return Fail(api.CodeError, "nothing was changed")
}

// PrintJSON writes a value for machines.
func (s *Session) PrintJSON(v any) error {
	enc := json.NewEncoder(s.Out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// Say writes a line for a person; with --json nothing.
func (s *Session) Say(format string, args ...any) {
	if !s.JSON {
		fmt.Fprintf(s.Out, format+"\n", args...)
	}
}

// Warn writes a remark that does not belong to the output.
func (s *Session) Warn(format string, args ...any) {
	fmt.Fprintf(s.Err, "hcs: warning: "+format+"\n", args...)
}
