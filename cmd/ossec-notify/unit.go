package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ossec-notify/ossec-notify/spool"
)

// What install writes and prints: the systemd unit, the starter config, the blocks for ossec.conf.

// unitName is the daemon's unit.
const unitName = "ossec-notify.service"

// unitMark is the first line of a unit that install wrote and may write again.
const unitMark = "# Written by ossec-notify install, which replaces it. Changes belong in: systemctl edit ossec-notify\n"

// unitText is the systemd unit that runs serve. The service may write to the state directory and the logs, and to
// nothing else; it needs no right of root's. What it must keep doing stands against what else could be taken away:
// connections to anywhere, files of a config in anybody's home, a secret's program (no NoExecPaths), the new program
// after an upgrade, the start time in its metrics (no ProcSubset). PrivateUsers is not had in every container. Without any config that loads it ends: systemd tries on until there is one.
//
// Programs of the operator's run in the unit, too: KillMode=mixed tells us alone to stop, who give them their time, where systemd
// would tell all at once, and what a runbook did of that would count as its end. One that takes too much memory (OOMPolicy) is not
// the end of the daemon. It is the shell that sends SIGHUP: a small system has no other kill.
func unitText(binary, home, state string, who account) string {
	command := fmt.Sprintf("%s serve --home %s", unitWord(binary, true), unitWord(home, true))
	second := "" // what calls left there before install made the first is delivered from there
	if places := spool.Places(home); state == places[0] {
		second = "ReadWritePaths=-" + unitWord(places[1], false) + "\n"
	} else {
		command += " --state " + unitWord(state, true)
	}
	return unitMark + fmt.Sprintf(`
[Unit]
Description=ossec-notify: delivers the alerts of OSSEC and Wazuh
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=%s
ExecReload=/bin/sh -c "kill -HUP $$MAINPID"
User=%s
Group=%s
Restart=always
RestartSec=10
OOMPolicy=continue
WatchdogSec=60
KillMode=mixed
TimeoutStopSec=30
UMask=0077

ReadWritePaths=%s
ReadWritePaths=-%s
%sProtectSystem=strict
ProtectHome=read-only
PrivateTmp=true
PrivateDevices=true
PrivateMounts=true
ProtectClock=true
ProtectControlGroups=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
ProtectProc=invisible
NoNewPrivileges=true
CapabilityBoundingSet=
AmbientCapabilities=
KeyringMode=private
LockPersonality=true
MemoryDenyWriteExecute=true
RemoveIPC=true
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=true
RestrictRealtime=true
RestrictSUIDSGID=true
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`, command, who.name, who.group, unitWord(state, false), unitWord(filepath.Join(home, "logs"), false), second)
}

// unitWord is a path as one word of a unit; in a command $ means a variable. See systemd.syntax(7), systemd.service(5).
func unitWord(path string, command bool) string {
	path = strings.ReplaceAll(path, "%", "%%")
	if command {
		path = strings.ReplaceAll(path, "$", "$$")
	}
	if strings.ContainsAny(path, " \t\"'\\;") {
		path = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path) + `"`
	}
	return path
}

// starterConfig is a config that loads and has no receivers. Of the lines that begin with #, those with exactly one
// blank behind it are prose; the others are settings.
func starterConfig(home string) string {
	dir := filepath.Join(home, "etc", "ossec-notify")
	return strings.ReplaceAll(starter, "DIR", dir)
}

const starter = `# ossec-notify.yaml: who is told about which alert, and how.
# Take the # away from what you need, then: ossec-notify check
#
# Until there is a receiver, only integrations with a hook_url or api_key of their own in ossec.conf are served.
# Secrets belong in files that root and the manager's group can read: in
# DIR (mode 0640).
# Remove this line when you name your first receiver below:
receivers: {}

#receivers:
#  soc:
#    slack: {webhook_url: {file: "DIR/soc.url"}}
#  oncall:
#    pagerduty: {routing_key: {file: "DIR/pagerduty.key"}}
#  root-mail:
#    email: {smtp: "smtp://127.0.0.1:25", from: ossec@example.com, to: [root@example.com]}

# In order; the first that matches decides. Severities begin at these levels: low 4, medium 7, high 12, critical 15.
#routes:
#  - name: page
#    match: {severity: high}
#    to: [oncall, soc]
#  - name: team
#    match: {level: 7}
#    to: [soc]

# What no route matched:
#default: [root-mail]

# The zone of OSSEC's dates, which have none (default: this host's):
#time_zone: UTC

# For the daemon (ossec-notify serve): health and metrics.
#http: 127.0.0.1:9720
`

// integrationText is what to write into ossec.conf, with what this manager does to those who write something else.
func integrationText(m manager) string {
	conf := filepath.Join(m.home, "etc", "ossec.conf")
	if m.wazuh {
		return fmt.Sprintf(`
Write into %s, inside <ossec_config>, one of these.
All that the routes of the config choose:

  <integration>
    <name>custom-notify</name>
    <alert_format>json</alert_format>
  </integration>

Or one channel, without a config file:

  <integration>
    <name>custom-slack</name>
    <hook_url>https://hooks.slack.com/services/...</hook_url>
    <level>10</level>
    <alert_format>json</alert_format>
  </integration>

Mind with Wazuh:
  - Write <alert_format>json</alert_format> into every <integration>, also those of other programs. Without it the log
    is cut at 165 characters, and one without it spoils the log for those that stand behind it.
  - No blank in <api_key> or <hook_url>: it shifts the arguments behind it.
  - <event_location> sees the path only, never the agent. Routes of the config can tell agents apart.
  - <group> is exact here: case counts, and a part of a name matches nothing.
Then: systemctl restart wazuh-manager
`, conf)
	}
	return fmt.Sprintf(`
Write into %s, inside <ossec_config>, one of these.
All that the routes of the config choose:

  <integration>
    <name>custom-notify</name>
  </integration>

Or one channel, without a config file:

  <integration>
    <name>custom-slack</name>
    <hook_url>https://hooks.slack.com/services/...</hook_url>
    <level>10</level>
  </integration>

Mind with OSSEC:
  - No <alert_format>, <options>, <timeout>, <retries> or <max_log>: those are Wazuh's. The daemon does not start with
    them, and takes the rest of OSSEC down.
  - <rule_id>, if you use it, must be the second element, right behind <name>; elsewhere the daemon garbles it.
  - No ' in <api_key> or <hook_url>: it breaks the command line.
  - <group> and <event_location> match any part of the text.
Then, the first one once:
  %[2]s enable integrator
  %[2]s restart
`, conf, filepath.Join(m.home, "bin", "ossec-control"))
}
