package webhook_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// runs is a system that starts something for each request that it takes, and knows none again.
func runs(handle func(r sinkRequest, n int) (sinkAnswer, error)) *desk {
	n := 0
	return &desk{handle: func(r sinkRequest) (sinkAnswer, error) {
		answer, err := handle(r, n+1)
		err = errors.Join(err, noNUL(r))
		if err == nil {
			n++
		}
		return answer, err
	}}
}

// noNUL refuses what PostgreSQL, where some of these systems keep what they are sent, takes in no text.
func noNUL(r sinkRequest) error {
	nul := lacks("a NUL", `\x00`)
	if values, err := url.ParseQuery(string(r.body)); err == nil && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		for _, v := range values {
			err = errors.Join(err, nul(strings.Join(v, "")))
		}
		return err
	}
	var v any
	if json.Unmarshal(r.body, &v) != nil {
		return nil // which is said already
	}
	return eachText(v, nul)
}

// payload is what all presets for automation send: fixed keys, and the alert as our document.
func payload() map[string]shape {
	return map[string]shape{
		"!delivery": words(64), "!action": exactly("trigger", "digest", "test"), "!severity": exactly("critical", "high", "medium", "low", "info", "unknown"),
		"!alert": ourDocument,
	}
}

// noJinja refuses what Ansible or StackStorm would run.
func noJinja(v any) error { return eachText(v, lacks("what Jinja runs", `\{[{%#]`)) }

func github() *desk {
	event := object(map[string]shape{"!event_type": words(100, has("type", `^ossec-alert$`)), "!client_payload": object(payload())})
	return runs(func(r sinkRequest, _ int) (sinkAnswer, error) {
		if err := asked(r, "/repos/example/runbooks/dispatches", `{"message":"Not Found","documentation_url":"https://docs.github.com/rest"}`); err != nil {
			return sinkAnswer{}, err
		}
		if err := header(r, "Authorization", "Bearer github_pat_s3cr3t", `{"message":"Bad credentials"}`); err != nil {
			return sinkAnswer{}, err
		}
		if err := header(r, "Accept", "application/vnd.github+json", `{"message":"Must accept 'application/json'"}`); err != nil {
			return sinkAnswer{}, err
		}
		if err := jsonBody(r, 65_535, event); err != nil {
			return sinkAnswer{}, refusal{err, sinkAnswer{422, nil, `{"message":"Invalid request.\n\nNo more than 10 properties are allowed; 11 were supplied."}`}}
		}
		return sinkAnswer{status: 204}, nil
	})
}

func gitlab() *desk {
	body := object(map[string]shape{"!ossec_notify": object(payload())}) // any other key could be a parameter of the API: id, ref, variables
	return runs(func(r sinkRequest, n int) (sinkAnswer, error) {
		if err := asked(r, "/api/v4/projects/17/ref/main/trigger/pipeline", `{"message":"404 Not Found"}`); err != nil {
			return sinkAnswer{}, err
		}
		if r.URL.Query().Get("token") != "glptt-s3cr3t" {
			return sinkAnswer{}, refuse(404, `{"message":"404 Not Found"}`, "token")
		}
		if err := jsonBody(r, 1<<20, body); err != nil {
			return sinkAnswer{}, err
		}
		return sinkAnswer{status: 201, body: fmt.Sprintf(`{"id":%d,"ref":"main","status":"created"}`, 250+n)}, nil
	})
}

// options are the texts of a job's options, by their names.
func options(prefix string, upper bool) map[string]shape {
	out := map[string]shape{}
	for _, name := range strings.Fields("delivery action severity level rule family host agent source user path title") {
		if upper {
			name = strings.ToUpper(name)
		}
		out[prefix+name] = maybe(4000)
	}
	return out
}

func rundeck() *desk {
	body := object(map[string]shape{"!options": object(options("", false)), "loglevel": exactly("INFO")})
	return runs(func(r sinkRequest, n int) (sinkAnswer, error) {
		if err := asked(r, "/api/41/job/0a1b2c3d-1111-2222-3333-444444444444/run", `{"error":true,"apiversion":41,"errorCode":"api.error.item.doesnotexist","message":"Job ID does not exist: x"}`); err != nil {
			return sinkAnswer{}, err
		}
		if err := header(r, "X-Rundeck-Auth-Token", "rund3ck-t0ken", `{"error":true,"errorCode":"unauthorized","message":"(unauthenticated) is not authorized for: x"}`); err != nil {
			return sinkAnswer{}, refusal{err, sinkAnswer{403, nil, `{"error":true,"errorCode":"unauthorized","message":"(Token:rund****) is not authorized for: /api/41/job/x/run"}`}}
		}
		if err := jsonBody(r, 1<<20, body); err != nil {
			return sinkAnswer{}, refusal{err, sinkAnswer{400, nil, `{"error":true,"apiversion":41,"errorCode":"api.error.job.options-invalid","message":"Job options were not valid: Option 'source' doesn't match regular expression"}`}}
		}
		return sinkAnswer{status: 200, body: fmt.Sprintf(`{"id":%d,"status":"running","href":"https://rundeck.example.com/api/41/execution/%d"}`, n, n)}, nil
	})
}

// awx launches job templates; prompt says whether the template asks for variables.
func awx(prompt bool) *desk {
	body := object(map[string]shape{"!extra_vars": object(map[string]shape{"!ossec_notify": object(payload())})})
	return runs(func(r sinkRequest, n int) (sinkAnswer, error) {
		if err := asked(r, "/api/v2/job_templates/42/launch/", `{"detail":"Not found."}`); err != nil {
			return sinkAnswer{}, err
		}
		if err := header(r, "Authorization", "Bearer 4wx-t0ken", `{"detail":"Authentication credentials were not provided. To establish a login session, visit /api/login/."}`); err != nil {
			return sinkAnswer{}, err
		}
		var v any
		_ = json.Unmarshal(r.body, &v)
		if err := errors.Join(jsonBody(r, 1<<20, body), noJinja(v)); err != nil {
			return sinkAnswer{}, refusal{err, sinkAnswer{400, nil, `{"extra_vars":["Must be a valid JSON or YAML dictionary."]}`}}
		}
		ignored := "{}"
		if !prompt {
			ignored = `{"extra_vars":{"ossec_notify":{}}}`
		}
		return sinkAnswer{status: 201, body: fmt.Sprintf(`{"job":%d,"ignored_fields":%s,"id":%d,"type":"job","status":"pending"}`, n, ignored, n)}, nil
	})
}

func stackStorm() *desk {
	return runs(func(r sinkRequest, _ int) (sinkAnswer, error) {
		if err := asked(r, "/api/v1/webhooks/ossec", `{"faultstring":"Webhook /v1/webhooks/x not found"}`); err != nil {
			return sinkAnswer{}, err
		}
		if err := header(r, "St2-Api-Key", "st2-k3y-s3cr3t", `{"faultstring":"Unauthorized - ApiKey with key_hash=x not found."}`); err != nil {
			return sinkAnswer{}, err
		}
		var v any
		_ = json.Unmarshal(r.body, &v)
		if err := errors.Join(jsonBody(r, 1<<20, object(payload())), noJinja(v)); err != nil {
			return sinkAnswer{}, refusal{err, sinkAnswer{400, nil, `{"faultstring":"Failed to parse request body: x"}`}}
		}
		return sinkAnswer{status: 202, body: string(r.body)}, nil
	})
}

func n8n() *desk {
	return runs(func(r sinkRequest, _ int) (sinkAnswer, error) {
		missing := `{"code":404,"message":"The requested webhook \"POST x\" is not registered.","hint":"The workflow must be active for a production URL to run successfully."}`
		if err := asked(r, "/webhook/n8n-s3cr3t-path", missing); err != nil {
			return sinkAnswer{}, err
		}
		if err := jsonBody(r, 16<<20, object(payload())); err != nil {
			return sinkAnswer{}, err
		}
		return sinkAnswer{status: 200, body: `{"message":"Workflow was started"}`}, nil
	})
}

func shuffle() *desk {
	return runs(func(r sinkRequest, n int) (sinkAnswer, error) {
		if err := asked(r, "/api/v1/hooks/webhook_shuff1e-s3cr3t", `{"success":false,"reason":"Hook not found"}`); err != nil {
			return sinkAnswer{}, err
		}
		if err := jsonBody(r, 16<<20, object(payload())); err != nil {
			return sinkAnswer{}, err
		}
		return sinkAnswer{status: 200, body: fmt.Sprintf(`{"success":true,"execution_id":"0a1b2c3d-%d"}`, n)}, nil
	})
}

// jenkins queues builds with parameters, and merges those that wait with the same.
func jenkins() *desk {
	return runs(func(r sinkRequest, n int) (sinkAnswer, error) {
		if err := asked(r, "/job/security/job/runbook/buildWithParameters", "<html><body>Not Found</body></html>"); err != nil {
			return sinkAnswer{}, err
		}
		if user, token, ok := r.BasicAuth(); !ok || user != "ossec-notify" || token != "11s3cr3t-j3nk1ns" {
			return sinkAnswer{}, refuse(401, "<html><body>Invalid password/token for user: ossec-notify</body></html>", "user or token")
		}
		if got := r.Header.Get("Content-Type"); got != "application/x-www-form-urlencoded" {
			return sinkAnswer{}, fmt.Errorf("content type %q", got)
		}
		if len(r.body) > 200_000 {
			return sinkAnswer{}, refuse(500, "<html><body>java.lang.IllegalStateException: Form is larger than max length 200000</body></html>", "a form of %d bytes", len(r.body))
		}
		form, err := url.ParseQuery(string(r.body))
		if err != nil {
			return sinkAnswer{}, err
		}
		known := options("OSSEC_", true)
		for _, name := range slices.Sorted(maps.Keys(form)) {
			each, ok := known[name]
			if !ok {
				return sinkAnswer{}, fmt.Errorf("parameter %s, which would be a variable of the build", name)
			}
			if err := each(form.Get(name)); err != nil || len(form[name]) != 1 {
				return sinkAnswer{}, fmt.Errorf("%s: %v, %d values", name, err, len(form[name]))
			}
		}
		if form.Get("OSSEC_DELIVERY") == "" {
			return sinkAnswer{}, errors.New("no OSSEC_DELIVERY: builds of two alerts would be merged")
		}
		return sinkAnswer{201, map[string]string{"Location": fmt.Sprintf("https://jenkins.example.com/queue/item/%d/", n)}, ""}, nil
	})
}

const automationPayload = `"delivery":"01J9Z3","action":"trigger","severity":"low","alert":{"version":1,"delivery":"01J9Z3","dedup_key":"x","title":"x"}`

func TestAutomationSinks(t *testing.T) {
	isJSON := map[string]string{"Content-Type": "application/json"}
	with := func(name, value string) map[string]string {
		return map[string]string{"Content-Type": "application/json", name: value}
	}
	run := func(name string, d *desk, usual map[string]string, path string, cases ...deskCase) {
		t.Run(name, func(t *testing.T) { testDesk(t, d, usual, path, cases) })
	}
	event := func(more string) string {
		return `{"event_type":"ossec-alert","client_payload":{` + automationPayload + more + `}}`
	}
	hub := with("Authorization", "Bearer github_pat_s3cr3t")
	hub["Accept"] = "application/vnd.github+json"
	run("github", github(), hub, "/repos/example/runbooks/dispatches",
		deskCase{name: "event", body: event(""), status: 204},
		deskCase{name: "another key", body: event(`,"PATH":"/tmp"`), why: `unknown key "PATH"`, status: 422},
		deskCase{name: "64 KB", body: event("") + strings.Repeat(" ", 65_536), why: "want at most 65535"},
		deskCase{name: "no Accept", header: map[string]string{"Accept": "*/*"}, body: event(""), why: "Accept"},
		deskCase{name: "one segment", path: "/repos/example%2Frunbooks/dispatch", body: event(""), why: "path", status: 404})
	run("gitlab", gitlab(), isJSON, "/api/v4/projects/17/ref/main/trigger/pipeline?token=glptt-s3cr3t",
		deskCase{name: "payload", body: `{"ossec_notify":{` + automationPayload + `}}`, status: 201},
		deskCase{name: "variables", body: `{"ossec_notify":{` + automationPayload + `},"variables":{"PATH":"/tmp"}}`, why: `unknown key "variables"`},
		deskCase{name: "no token", path: "/api/v4/projects/17/ref/main/trigger/pipeline", body: `{}`, why: "token", status: 404})
	run("rundeck", rundeck(), with("X-Rundeck-Auth-Token", "rund3ck-t0ken"), "/api/41/job/0a1b2c3d-1111-2222-3333-444444444444/run",
		deskCase{name: "options", body: `{"options":{"delivery":"x","source":""}}`, status: 200},
		deskCase{name: "argString", body: `{"argString":"-source x -delete all"}`, why: `unknown key "argString"`, status: 400},
		deskCase{name: "number", body: `{"options":{"level":5}}`, why: "no text"},
		deskCase{name: "other token", header: map[string]string{"X-Rundeck-Auth-Token": "x"}, body: `{}`, why: "X-Rundeck-Auth-Token", status: 403})
	vars := func(p string) string { return `{"extra_vars":{"ossec_notify":{` + p + `}}}` }
	run("awx", awx(true), with("Authorization", "Bearer 4wx-t0ken"), "/api/v2/job_templates/42/launch/",
		deskCase{name: "variable", body: vars(automationPayload), status: 201},
		deskCase{name: "no slash", path: "/api/v2/job_templates/42/launch", body: vars(automationPayload), why: "path", status: 404},
		deskCase{name: "expression", body: vars(strings.Replace(automationPayload, `"title":"x"`, `"title":"{{ lookup('pipe','id') }}"`, 1)), why: "what Jinja runs"},
		deskCase{name: "statement", body: vars(strings.Replace(automationPayload, `"title":"x"`, `"title":"{% x %}"`, 1)), why: "what Jinja runs"},
		deskCase{name: "variable of the playbook's", body: `{"extra_vars":{"ansible_connection":"local"}}`, why: `unknown key "ansible_connection"`})
	run("stackstorm", stackStorm(), with("St2-Api-Key", "st2-k3y-s3cr3t"), "/api/v1/webhooks/ossec",
		deskCase{name: "payload", body: "{" + automationPayload + "}", status: 202},
		deskCase{name: "expression", body: "{" + strings.Replace(automationPayload, `"title":"x"`, `"title":"{{ st2kv.system.x }}"`, 1) + "}", why: "what Jinja runs"},
		deskCase{name: "no webhook", path: "/api/v1/webhooks/none", body: "{}", why: "path", status: 404})
	run("n8n", n8n(), isJSON, "/webhook/n8n-s3cr3t-path",
		deskCase{name: "payload", body: "{" + automationPayload + "}", status: 200},
		deskCase{name: "test address", path: "/webhook-test/n8n-s3cr3t-path", body: "{}", why: "path", status: 404})
	run("shuffle", shuffle(), isJSON, "/api/v1/hooks/webhook_shuff1e-s3cr3t",
		deskCase{name: "payload", body: "{" + automationPayload + "}", status: 200},
		deskCase{name: "no alert", body: `{"delivery":"x"}`, why: `key "alert" is missing`})
	run("jenkins", jenkins(), map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Authorization": "Basic b3NzZWMtbm90aWZ5OjExczNjcjN0LWozbmsxbnM="}, "/job/security/job/runbook/buildWithParameters",
		deskCase{name: "parameters", body: "OSSEC_DELIVERY=x&OSSEC_SOURCE=203.0.113.9&OSSEC_USER=", status: 201},
		deskCase{name: "variable of the build's", body: "OSSEC_DELIVERY=x&PATH=/tmp", why: "variable of the build"},
		deskCase{name: "twice", body: "OSSEC_DELIVERY=x&OSSEC_USER=a&OSSEC_USER=b", why: "2 values"},
		deskCase{name: "no delivery", body: "OSSEC_SOURCE=x", why: "merged"},
		deskCase{name: "JSON", header: isJSON, body: "{}", why: "content type"})
}

var automationAnswers = map[string][]answerCase{
	"github-dispatch": {
		{"wrong token", sinkAnswer{401, nil, `{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest"}`}, "misconfigured", "Bad credentials", "the token is wrong", 0},
		{"no right", sinkAnswer{404, nil, `{"message":"Not Found"}`}, "misconfigured", "Not Found", "may not write", 0},
		{"no permission", sinkAnswer{403, nil, `{"message":"Resource not accessible by personal access token"}`}, "misconfigured", "not accessible", "may not write", 0},
		{"second limit", sinkAnswer{403, map[string]string{"Retry-After": "60"}, `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}`}, "temporary", "secondary rate limit", "", time.Minute},
		{"too much", sinkAnswer{422, nil, `{"message":"Invalid request.\n\nNo more than 10 properties are allowed; 11 were supplied."}`}, "permanent", "No more than 10 properties", "", 0},
		{"redirect", sinkAnswer{301, map[string]string{"Location": "/repositories/1/dispatches"}, `{"message":"Moved Permanently"}`}, "permanent", "301", "", 0},
		{"200", sinkAnswer{200, nil, "<!DOCTYPE html>"}, "permanent", "200", "", 0},
	},
	"gitlab-trigger": {
		{"no such branch", sinkAnswer{400, nil, `{"message":{"base":["Reference not found"]}}`}, "misconfigured", "Reference not found", "settings.ref", 0},
		{"no job", sinkAnswer{400, nil, `{"message":{"base":["No stages / jobs for this pipeline."]}}`}, "misconfigured", "No stages", "CI_PIPELINE_SOURCE", 0},
		{"no rule", sinkAnswer{400, nil, `{"message":{"base":["Pipeline will not run for the selected trigger. The rules configuration prevented any jobs from being added to the pipeline."]}}`}, "misconfigured", "rules configuration", "CI_PIPELINE_SOURCE", 0},
		{"wrong token", sinkAnswer{404, nil, `{"message":"404 Not Found"}`}, "misconfigured", "404", "trigger token", 0},
		{"too many", sinkAnswer{429, map[string]string{"Retry-After": "30"}, `{"message":{"error":"This endpoint has been requested too many times."}}`}, "temporary", "too many times", "", 30 * time.Second},
	},
	"rundeck": {
		{"runs", sinkAnswer{409, nil, `{"error":true,"apiversion":41,"errorCode":"api.error.execution.conflict","message":"Execution had a conflict: Job \"x\" is currently being executed {{Execution 5}}"}`}, "temporary", "currently being executed", "forbids parallel runs", time.Minute},
		{"wrong token", sinkAnswer{403, nil, `{"error":true,"errorCode":"unauthorized","message":"x is not authorized for: y"}`}, "misconfigured", "not authorized", "token is wrong", 0},
		{"no job", sinkAnswer{404, nil, `{"error":true,"errorCode":"api.error.item.doesnotexist","message":"Job ID does not exist: x"}`}, "misconfigured", "does not exist", "no such job", 0},
		{"version", sinkAnswer{400, nil, `{"error":true,"errorCode":"api.error.api-version.unsupported","message":"Unsupported API Version \"41\". Reason: Maximum supported version: 14"}`}, "misconfigured", "Unsupported API Version", "settings.version", 0},
		{"option", sinkAnswer{400, nil, `{"error":true,"errorCode":"api.error.job.options-invalid","message":"Job options were not valid: Option 'source' doesn't match regular expression"}`}, "permanent", "doesn't match", "", 0},
		{"page", sinkAnswer{200, nil, "<!DOCTYPE html>"}, "permanent", "200", "", 0},
	},
	"awx": {
		{"no prompt", sinkAnswer{201, nil, `{"job":1,"ignored_fields":{"extra_vars":{"ossec_notify":{}}},"id":1}`}, "misconfigured", "201", "Prompt on launch", 0},
		{"survey", sinkAnswer{400, nil, `{"variables_needed_to_start":["'team' value missing"]}`}, "misconfigured", "value missing", "survey", 0},
		{"no inventory", sinkAnswer{400, nil, `{"resources_needed_to_start":["Job Template inventory is missing or undefined."]}`}, "misconfigured", "inventory is missing", "inventory", 0},
		{"wrong token", sinkAnswer{401, nil, `{"detail":"Authentication credentials were not provided."}`}, "misconfigured", "credentials were not provided", "token is wrong", 0},
		{"no right", sinkAnswer{403, nil, `{"detail":"You do not have permission to perform this action."}`}, "misconfigured", "permission", "may not execute", 0},
		{"other address", sinkAnswer{404, nil, `{"detail":"Not found."}`}, "misconfigured", "Not found", "/api/controller/v2", 0},
		{"down", sinkAnswer{502, nil, ""}, "temporary", "502", "", 0},
	},
	"stackstorm": {
		{"wrong key", sinkAnswer{401, nil, `{"faultstring":"Unauthorized - ApiKey with key_hash=x not found."}`}, "misconfigured", "not found", "API key is wrong", 0},
		{"no rule", sinkAnswer{404, nil, `{"faultstring":"Webhook not found"}`}, "misconfigured", "Webhook not found", "no enabled rule", 0},
		{"bad request", sinkAnswer{400, nil, `{"faultstring":"Failed to parse request body"}`}, "permanent", "Failed to parse", "", 0},
		{"page", sinkAnswer{200, nil, "<!DOCTYPE html>"}, "permanent", "200", "", 0},
	},
	"n8n": {
		{"not active", sinkAnswer{404, nil, `{"code":404,"message":"The requested webhook \"POST x\" is not registered."}`}, "misconfigured", "is not registered", "not active", 0},
		{"wrong header", sinkAnswer{403, nil, `Authorization data is wrong!`}, "misconfigured", "Authorization data is wrong", "bearer_token", 0},
		{"failed", sinkAnswer{500, nil, `{"message":"Error in workflow"}`}, "temporary", "Error in workflow", "", 0},
		{"too large", sinkAnswer{413, nil, `{"message":"request entity too large"}`}, "permanent", "too large", "", 0},
	},
	"shuffle": {
		{"stopped", sinkAnswer{200, nil, `{"success":false,"reason":"Webhook isn't running"}`}, "permanent", "isn't running", "", 0},
		{"wrong header", sinkAnswer{401, nil, `{"success":false,"reason":"Missing header"}`}, "misconfigured", "Missing header", "headers", 0},
		{"deleted", sinkAnswer{404, nil, `{"success":false,"reason":"Hook not found"}`}, "misconfigured", "Hook not found", "no such webhook", 0},
		{"page", sinkAnswer{200, nil, "<!DOCTYPE html>"}, "permanent", "200", "", 0},
	},
	"jenkins": {
		{"log-in page", sinkAnswer{302, map[string]string{"Location": "/login?from=x"}, ""}, "misconfigured", "302", "do not fit", 0},
		{"wrong token", sinkAnswer{401, nil, "<html><body>Invalid password/token</body></html>"}, "misconfigured", "401", "do not fit", 0},
		{"crumb", sinkAnswer{403, nil, `No valid crumb was included in the request`}, "misconfigured", "No valid crumb", "a password needs a crumb", 0},
		{"no parameters", sinkAnswer{400, nil, `runbook is not parameterized`}, "misconfigured", "not parameterized", "define OSSEC_DELIVERY", 0},
		{"no job", sinkAnswer{404, nil, ""}, "misconfigured", "404", "no such job", 0},
		{"disabled", sinkAnswer{409, nil, ""}, "misconfigured", "409", "disabled", 0},
		{"starts", sinkAnswer{503, nil, "Jenkins is starting"}, "temporary", "503", "", 0},
	},
}
