package clusterfile

// Logging is section [logging].
type Logging struct {
	// Level is the least severe level that is logged: debug, info, warn or error, as slog.Level reads it.
	Level string
}

func readLogging(root *Section) Logging {
	s := root.Table("logging")
	l := Logging{Level: s.Word("level", "info", "debug", "info", "warn", "error")}
	for _, key := range []string{"to_stderr", "to_logfile", "to_syslog", "logfile", "logfile_priority", "syslog_priority",
		"syslog_facility", "timestamp", "fileline", "function_name", "blackbox", "logger_subsys"} {
		s.Ignore(key, "the log goes to standard error, which systemd puts into its journal")
	}
	s.Ignore("debug", `more is logged with level = "debug"`)
	s.Done()
	return l
}
