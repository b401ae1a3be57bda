package family

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// cloudKind is what somebody did in a cloud account. The account stands for the host: the agent is only the
// machine that fetched the log.
func cloudKind() kind {
	return kind{family: "cloud", class: "cloud activity", is: isCloud, read: readCloud}
}

// provider says where the log of one cloud has what. Paths are below "data"; the first that is there counts.
type provider struct {
	name    string
	is      []string // paths of which one must be there
	action  []string
	actor   []string
	target  []string
	result  []string
	account []string
	region  []string
}

var providers = []provider{
	{
		name:   "AWS",
		is:     []string{"aws"},
		action: []string{"aws.eventName", "aws.title", "aws.type", "aws.action", "aws.operation"},
		actor: []string{
			"aws.userIdentity.userName", "aws.resource.accessKeyDetails.userName", "aws.userIdentity.arn",
			"aws.userIdentity.principalId", "aws.userIdentity.invokedBy", "aws.userIdentity.type", "aws.requester",
		},
		target:  []string{"aws.resource.instanceDetails.instanceId", "aws.resource.s3BucketDetails.name", "aws.bucket", "aws.resource.accessKeyDetails.accessKeyId"},
		result:  []string{"aws.errorCode", "aws.responseElements.ConsoleLogin"},
		account: []string{"aws.aws_account_id", "aws.recipientAccountId", "aws.accountId", "aws.userIdentity.accountId"},
		region:  []string{"aws.awsRegion", "aws.region"},
	},
	{
		name:    "Office 365",
		is:      []string{"office365"},
		action:  []string{"office365.Operation"},
		actor:   []string{"office365.UserId", "office365.UserKey"},
		target:  []string{"office365.ObjectId", "office365.SourceFileName"},
		result:  []string{"office365.ResultStatus"},
		account: []string{"office365.OrganizationId"},
		region:  []string{"office365.Workload"},
	},
	{
		name:    "GitHub",
		is:      []string{"github"},
		action:  []string{"github.action"},
		actor:   []string{"github.actor"},
		target:  []string{"github.repo", "github.team", "github.user"},
		account: []string{"github.org", "github.business"},
	},
	{
		name:   "GCP",
		is:     []string{"protoPayload", "gcp"},
		action: []string{"protoPayload.methodName", "gcp.protoPayload.methodName"},
		actor: []string{
			"protoPayload.authenticationInfo.principalEmail", "gcp.protoPayload.authenticationInfo.principalEmail",
		},
		target: []string{"protoPayload.resourceName", "gcp.protoPayload.resourceName", "gcp.jsonPayload.queryName"},
		result: []string{
			"protoPayload.status.message", "gcp.protoPayload.status.message",
			"protoPayload.authorizationInfo.granted", "gcp.protoPayload.authorizationInfo.granted",
		},
		account: []string{"resource.labels.project_id", "gcp.resource.labels.project_id"},
		region:  []string{"resource.labels.location", "gcp.resource.labels.location"},
	},
	{
		name:    "Azure",
		is:      []string{"OperationName"},
		action:  []string{"OperationName"},
		actor:   []string{"Caller", "Identity"},
		target:  []string{"ResourceId", "Resource"},
		result:  []string{"ActivityStatus", "ActivityStatusValue", "ResultType"},
		account: []string{"SubscriptionId", "TenantId"},
		region:  []string{"ResourceGroup", "Location"},
	},
}

// providerOf is the cloud that the alert comes from, or nil.
func providerOf(a *alert.Alert) *provider {
	for i := range providers {
		for _, key := range providers[i].is {
			if object(a, "data", key) != nil || (key == "OperationName" && isAzure(a)) {
				return &providers[i]
			}
		}
	}
	return nil
}

// isAzure reports a record of Azure's activity or audit log, which has no name of its own to be known by.
func isAzure(a *alert.Alert) bool {
	return has(a, "data.OperationName") &&
		has(a, "data.SubscriptionId", "data.TenantId", "data.ResourceId", "data.Caller", "data.CallerIpAddress")
}

func isCloud(a *alert.Alert) bool { return providerOf(a) != nil }

func readCloud(a *alert.Alert, r *Reading, s *sentence) {
	p := providerOf(a)
	c := &Cloud{
		Provider: p.name,
		Account:  data(a, p.account),
		Region:   data(a, p.region),
		Actor:    arnName(data(a, p.actor)),
		Action:   data(a, p.action),
		Target:   data(a, p.target),
		Result:   data(a, p.result),
	}
	target := opt("", c.Target, "")
	if asked := parameters(object(a, "data", "aws", "requestParameters")); asked != "" {
		c.Target, target = asked, q(asked)
	}
	r.Cloud = c

	r.Program = c.Provider

	action := shortAction(c.Action)
	s.What, s.Object, s.In = c.Provider, action, c.Account
	s.Kind = c.Provider + " activity"
	if !clean(action) {
		s.What = s.Kind
	}
	if !strings.Contains(action, c.Actor) { // a finding has it in its title
		s.By = c.Actor
	}
	s.NoHost = c.Account == ""
	s.Described = c.Action == ""

	r.fact("Action", opt("", c.Action, ""))
	r.fact("By", opt("", c.Actor, ""))
	r.fact("From", cloudSource(a))
	r.fact("Target", target)
	r.fact("Result", cloudResult(r, c.Result))
	r.fact("Where", list(", ", opt("", c.Account, ""), opt("", c.Region, "")))

	r.Next = w("Ask the person named. Not theirs: revoke keys and sessions.")
	if c.Actor == "" {
		r.Next = w("Find out who did it. Nobody of yours: revoke keys and sessions.")
	}
	r.Object = strings.TrimSpace(c.Actor + " " + c.Action)
}

// shortAction is an action as the sentence has it: a finding without its full stop, an operation of Azure
// without its vendor ("Microsoft.Compute/virtualMachines/start/action").
func shortAction(action string) string {
	vendor, rest, found := strings.Cut(action, "/")
	if found && strings.HasPrefix(strings.ToLower(vendor), "microsoft.") {
		return strings.TrimSuffix(rest, "/action")
	}
	return strings.TrimSuffix(action, ".")
}

// data is the first value at the paths below "data".
func data(a *alert.Alert, paths []string) string {
	for _, p := range paths {
		if v := first(a, "data."+p); v != "" {
			return v
		}
	}
	return ""
}

// object is the JSON object at a path of the original alert, or nil.
func object(a *alert.Alert, path ...string) map[string]any {
	at := a.Original
	for _, key := range path {
		at, _ = at[key].(map[string]any)
	}
	return at
}

// arnName is the last part of an Amazon resource name: assumed-role/deploy/session. Other text stays.
func arnName(s string) string {
	if !strings.HasPrefix(s, "arn:") {
		return s
	}
	return s[strings.LastIndexByte(s, ':')+1:]
}

// cloudSource is where the request came from. Services of the cloud itself go by a name.
func cloudSource(a *alert.Alert) display.Text {
	if a.Source.IP == "" && isName(a.Source.Text) {
		return display.Join(q(a.Source.Text), w(" (a service)"))
	}
	return endpoint(a.Source)
}

// cloudResult words how the request ended, and notes it for machines.
func cloudResult(r *Reading, result string) display.Text {
	switch strings.ToLower(result) {
	case "":
		return display.Text{}
	case "true":
		r.Outcome = "success"
		return w("granted")
	case "false":
		r.Outcome = "failure"
		return w("denied")
	case "success", "succeeded", "partiallysucceeded", "0":
		r.Outcome = "success"
	case "started", "accepted", "start":
	default: // an error code, or a word for failure
		r.Outcome = "failure"
	}
	return q(result)
}

// maxParameters is how many parameters of a request are shown.
const maxParameters = 4

// parameters lists the plain parameters of a request, in the order of their names.
func parameters(request map[string]any) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(request)) {
		switch v := request[name].(type) {
		case nil, map[string]any, []any:
		default:
			pairs = append(pairs, fmt.Sprintf("%s=%v", name, v))
		}
	}
	return strings.Join(pairs[:min(len(pairs), maxParameters)], ", ")
}
