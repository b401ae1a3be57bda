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
		// Activity and audit logs and sign-ins come from a workspace (OperationName), a storage container (operationName) or Microsoft Graph
		// (activityDisplayName), each with names of its own.
		name: "Azure", // isAzure knows it
		action: []string{
			"OperationName", "operationName", "OperationNameValue", "activityDisplayName", "properties.activityDisplayName", "ActivityDisplayName",
			"operationName.value", "activity",
		},
		actor: []string{
			"Caller", "caller", "userPrincipalName", "UserPrincipalName", "properties.userPrincipalName",
			"initiatedBy.user.userPrincipalName", "InitiatedBy.user.userPrincipalName", "properties.initiatedBy.user.userPrincipalName",
			"identity.claims.http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", "identity.claims.upn",
			"identity.claims.http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", "identity.claims.name",
			"initiatedBy.app.displayName", "properties.initiatedBy.app.displayName", "identity.claims.appid", "Identity", "identity",
		},
		target: []string{
			"ResourceId", "resourceId", "targetResources.userPrincipalName", "targetResources.displayName",
			"properties.targetResources.userPrincipalName", "properties.targetResources.displayName",
			"appDisplayName", "AppDisplayName", "properties.appDisplayName", "Resource",
		},
		result: []string{
			"ActivityStatus", "ActivityStatusValue", "resultType", "ResultType", "result", "Result", "properties.result",
			"status.errorCode", "properties.status.errorCode", "status.value", "resultSignature",
		},
		account: []string{"SubscriptionId", "TenantId", "subscriptionId", "tenantId"},
		region:  []string{"ResourceGroup", "Location", "location", "location.countryOrRegion"},
	},
}

// providerOf is the cloud that the alert comes from, or nil.
func providerOf(a *alert.Alert) *provider {
	for i := range providers {
		for _, key := range providers[i].is {
			if object(a, "data", key) != nil {
				return &providers[i]
			}
		}
	}
	if isAzure(a) {
		return azure()
	}
	return nil
}

// isAzure reports a record of Azure's logs, which have no name of their own to be known by but what Wazuh's module adds.
func isAzure(a *alert.Alert) bool {
	if strings.HasPrefix(first(a, "data.azure_tag"), "azure-") {
		return data(a, azure().action) != "" || isAzureSignIn(a)
	}
	at := strings.ToLower(first(a, "data.resourceId"))
	return has(a, "data.OperationName") && has(a, "data.SubscriptionId", "data.TenantId", "data.ResourceId", "data.Caller", "data.CallerIpAddress") ||
		has(a, "data.operationName") && (has(a, "data.callerIpAddress") || strings.HasPrefix(at, "/subscriptions/") || strings.HasPrefix(at, "/tenants/")) ||
		isAzureSignIn(a) || has(a, "data.activityDisplayName") && object(a, "data", "initiatedBy") != nil
}

func azure() *provider { return &providers[len(providers)-1] }

// isAzureSignIn reports a sign-in as Microsoft Graph tells of it: no word in it says what it is.
func isAzureSignIn(a *alert.Alert) bool {
	return has(a, "data.userPrincipalName") && has(a, "data.appDisplayName") && has(a, "data.status.errorCode")
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
	if p == azure() && c.Action == "" {
		c.Action = "Sign-in"
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
	result := cloudResult(r, c.Result)
	if p == azure() {
		result = azureResult(a, r, s, result)
	}
	s.NoHost = c.Account == ""
	s.Described = c.Action == ""

	r.fact("Action", opt("", c.Action, ""))
	r.fact("By", opt("", c.Actor, ""))
	r.fact("From", cloudSource(a))
	r.fact("Target", target)
	r.fact("Result", result)
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
		if kept, suffix := len(rest)-len("/action"), "/action"; kept > 0 && strings.EqualFold(rest[kept:], suffix) {
			return rest[:kept]
		}
		return rest
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

// azureResult adds to a result what Azure says of it, which may be a bare number, and to the sentence that it is a failure: most records are
// of what somebody might do.
func azureResult(a *alert.Alert, r *Reading, s *sentence, result display.Text) display.Text {
	code := r.Cloud.Result
	if code == "0" { // of a sign-in
		return w("success")
	}
	if r.Outcome != "failure" {
		return result
	}
	failure := code
	if strings.Trim(code, "0123456789") == "" {
		failure = "failure"
	}
	s.Object += ", " + failure
	return list(", ", result, opt("", first(a, "data.resultDescription", "data.ResultDescription", "data.resultReason", "data.status.failureReason",
		"data.properties.status.failureReason", "data.status.additionalDetails", "data.properties.statusMessage", "data.resultSignature"), ""))
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
