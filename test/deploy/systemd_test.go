package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/internal/config"
)

const unitName = "deploy/systemd/wsbridge.service"

// A unit is a file of systemd: its assignments by section and key.
type unit map[string]map[string][]string

// known are the keys that the unit may have, checked where systemd cannot check them.
var known = map[string]string{
	"Unit": "Description Documentation Wants After StartLimitIntervalSec",
	"Service": "Type ExecStart EnvironmentFile Environment Restart RestartSec LoadCredential KillSignal TimeoutStopSec LimitNOFILE MemoryMax " +
		"DynamicUser UMask CapabilityBoundingSet NoNewPrivileges PrivateDevices PrivateTmp PrivateUsers ProcSubset ProtectClock ProtectControlGroups " +
		"ProtectHome ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables ProtectProc ProtectSystem LockPersonality " +
		"MemoryDenyWriteExecute RemoveIPC RestrictAddressFamilies RestrictNamespaces RestrictRealtime RestrictSUIDSGID SystemCallArchitectures SystemCallFilter",
	"Install": "WantedBy",
}

func parseUnit(t *testing.T, text string) unit {
	t.Helper()
	u := make(unit)
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '[' {
			section = strings.Trim(line, "[]")
			u[section] = make(map[string][]string)
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || !slices.Contains(strings.Fields(known[section]), key) {
			t.Errorf("%s: [%s] has no such line: %s", unitName, section, line)
			continue
		}
		u[section][key] = append(u[section][key], value)
	}
	return u
}

func (u unit) one(t *testing.T, key string) string {
	t.Helper()
	values := u["Service"][key]
	if len(values) != 1 {
		t.Fatalf("%s: %s is %q", unitName, key, values)
	}
	return values[0]
}

// TestUnit holds the values of the unit against the server's own settings.
func TestUnit(t *testing.T) {
	u := parseUnit(t, file(t, unitName))
	var environ []string
	for _, line := range u["Service"]["Environment"] {
		environ = append(environ, strings.Fields(line)...)
	}
	var credentials []string
	for _, c := range u["Service"]["LoadCredential"] {
		name, _, _ := strings.Cut(c, ":")
		credentials = append(credentials, "%d/"+name)
	}
	cfg, err := config.Load(config.Sources{Environ: environ, ReadFile: func(name string, _ int64) ([]byte, error) {
		if !slices.Contains(credentials, name) {
			return nil, os.ErrNotExist
		}
		return []byte(strings.Repeat("k", 64)), nil
	}})
	if err == nil {
		err = cfg.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	number := func(text, unit string) float64 {
		t.Helper()
		n, err := strconv.ParseFloat(strings.TrimSuffix(text, unit), 64)
		if err != nil || !strings.HasSuffix(text, unit) {
			t.Fatalf("%q is no number of %q", text, unit)
		}
		return n
	}
	if stop := number(u.one(t, "TimeoutStopSec"), ""); stop < (cfg.DrainDelay + cfg.Drain + hangs).Seconds() {
		t.Errorf("it is given %v s to stop", stop)
	}
	var limit float64
	for _, variable := range environ {
		if value, ok := strings.CutPrefix(variable, "GOMEMLIMIT="); ok {
			limit = number(value, "MiB")
		}
	}
	if most := number(u.one(t, "MemoryMax"), "M"); limit == 0 || limit > 0.95*most {
		t.Errorf("GOMEMLIMIT is %v MiB of %v", limit, most)
	}
	if files := number(u.one(t, "LimitNOFILE"), ""); files < 1<<20 {
		t.Errorf("it may open %v files", files)
	}
	if u.one(t, "Type") != "exec" || u.one(t, "KillSignal") != "SIGTERM" || u.one(t, "ExecStart") != "/usr/local/bin/wsbridge serve" {
		t.Errorf("it is run otherwise: %q", u["Service"])
	}
}

// TestUnitIsTaken has systemd look at the unit, with a program that is there. Machines
// without systemd have TestUnit's look at the keys only.
func TestUnitIsTaken(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Log("there is no systemd-analyze here: the keys were compared with a list")
		parseUnit(t, file(t, unitName))
		return
	}
	program, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	text := file(t, unitName)
	if !strings.Contains(text, "/usr/local/bin/wsbridge serve") {
		t.Fatal("the unit starts another program")
	}
	name := filepath.Join(t.TempDir(), "wsbridge.service")
	if err := os.WriteFile(name, []byte(strings.Replace(text, "=/usr/local/bin/wsbridge ", "="+program+" ", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"verify", "--man=no", name},
		// At most 2.0 of 10, by systemd's own account of what the service could do.
		{"security", "--offline=yes", "--threshold=20", "--no-pager", name},
	} {
		cmd := exec.Command("systemd-analyze", args...)
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		out, err := cmd.CombinedOutput()
		if err != nil || args[0] == "verify" && len(out) > 0 {
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
		}
	}
}
