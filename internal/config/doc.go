// Package config reads the settings of the server: from flags, then from WSBRIDGE_*
// variables, then from a YAML file, then from defaults.
//
//	cfg, err := config.Load(config.Sources{Flags: given, Environ: os.Environ(), Dev: dev})
//	if err == nil {
//		err = cfg.Validate()
//	}
//
// One table, [Settings], says everything about a setting: its name, from which the flag,
// the variable and the YAML key are made, its default and what it is for. Whatever is
// unknown or wrong in any of the three places ends Load with an error of one line that
// says where it stands and what is allowed, also when another place overrides it. Errors
// show no secret.
//
// Only namespaces are in the file alone, being more than one text.
//
// Load reads three kinds of files: the YAML file (up to 256 KiB), files with secrets (up to
// 64 KiB) and those with certificates (up to 1 MiB). A [Config] does not change afterwards
// and can be shared.
package config
