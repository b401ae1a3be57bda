package family

import (
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// dockerKind is what happens to the containers, images, networks and volumes of a host.
func dockerKind() kind {
	return kind{family: "docker", class: "container", is: isDocker, read: readDocker}
}

func isDocker(a *alert.Alert) bool { return object(a, "data", "docker") != nil }

// dockerDone words the actions of Docker's event stream.
func dockerDone(action string) string {
	switch action {
	case "create":
		return "created"
	case "start":
		return "started"
	case "stop":
		return "stopped"
	case "restart":
		return "restarted"
	case "die":
		return "exited"
	case "kill":
		return "got a signal"
	case "oom":
		return "ran out of memory"
	case "destroy", "remove":
		return "removed"
	case "delete":
		return "deleted"
	case "pause":
		return "paused"
	case "unpause":
		return "resumed"
	case "rename":
		return "renamed"
	case "update":
		return "updated"
	case "pull":
		return "pulled"
	case "push":
		return "pushed"
	case "tag":
		return "tagged"
	case "untag":
		return "untagged"
	case "commit":
		return "committed"
	case "export":
		return "exported"
	case "import":
		return "imported"
	case "load":
		return "loaded"
	case "save":
		return "saved"
	case "copy":
		return "copied to"
	case "attach":
		return "attached to"
	case "connect":
		return "connected"
	case "disconnect":
		return "disconnected"
	case "mount":
		return "mounted"
	case "unmount":
		return "unmounted"
	case "exec_create", "exec_start":
		return "was given a command"
	case "exec_die":
		return "finished a command"
	}
	return ""
}

// dockerType is the kind of thing that an event is about, if it is one of Docker's.
func dockerType(s string) string {
	switch s = strings.ToLower(s); s {
	case "container", "image", "network", "volume", "plugin", "daemon", "service", "node", "secret", "config":
		return s
	}
	return ""
}

func readDocker(a *alert.Alert, r *Reading, s *sentence) {
	const at = "data.docker."
	action := first(a, at+"Action", at+"status")
	// The command of exec_create, and the result of health_status, stand behind a colon.
	verb, _, _ := strings.Cut(action, ":")
	thing, done := dockerType(first(a, at+"Type")), dockerDone(verb)
	id := first(a, at+"Actor.ID", at+"id")
	name := firstOf(first(a, at+"Actor.Attributes.name"), shortID(id))

	if thing == "" {
		thing = "object"
	}
	s.What, s.Object = "Docker: "+thing, name
	switch {
	case done != "" && name != "":
		s.Own = []display.Text{w("Docker: " + thing + " "), q(name), w(" " + done)}
		s.What += " " + done
	case done != "":
		s.What += " " + done
	case verb != "" && name != "":
		s.Own = []display.Text{w("Docker: " + thing + " "), q(name), w(", "), q(verb)}
	}

	r.fact("Name", opt("", name, ""))
	r.fact("Image", opt("", first(a, at+"from", at+"Actor.Attributes.image"), ""))
	r.fact("Action", list(", ", opt("", action, ""), opt("", first(a, at+"Type"), "")))
	r.fact("ID", opt("", shortID(id), ""))
	r.fact("Exit", opt("", first(a, at+"Actor.Attributes.exitCode"), ""))

	switch verb {
	case "die", "stop", "kill", "oom", "destroy", "remove", "delete":
		r.Next = w("Planned deployment? If not, find out who or what ended it.")
	case "exec_create", "exec_start", "exec_die", "attach", "copy", "export":
		r.Next = w("Ask who works in the container. Nobody: stop it and keep it.")
	default:
		r.Next = w("Planned deployment? If not, stop it and keep the container.")
	}
	r.Program = "docker"
	r.Object = firstOf(name, id)
}

// shortID cuts an id of Docker as its own tools do. An image is named in the place of its id.
func shortID(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	if len(id) < 32 || strings.Trim(id, "0123456789abcdef") != "" {
		return id
	}
	return short(id)
}
