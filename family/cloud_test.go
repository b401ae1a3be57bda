package family

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCloudReadings(t *testing.T) {
	const (
		ask   = "Ask the person named. Not theirs: revoke keys and sessions."
		noone = "Find out who did it. Nobody of yours: revoke keys and sessions."
	)
	from := func(data string) string {
		return `{"rule":{"level":3,"description":"Cloud event.","id":"80202","groups":["amazon"]},"agent":{"id":"000","name":"mgr"},"data":` + data + `}`
	}
	checkReadings(t, "cloud", []reading{
		{
			name: "AWS, by a service",
			raw: from(`{"integration":"aws","aws":{"eventName":"DeleteSecurityGroup","aws_account_id":"123456789012","recipientAccountId":"210987654321",
				"awsRegion":"us-west-1","sourceIPAddress":"cloudformation.amazonaws.com","requestParameters":{"groupId":"sg-1","dryRun":false,"filter":{"x":1}},
				"userIdentity":{"userName":"deploy","accountId":"123456789012"}}}`),
			sentence: "AWS: `DeleteSecurityGroup` by `deploy` in `123456789012`",
			facts: []string{
				"Action  `DeleteSecurityGroup`", "By  `deploy`", "From  `cloudformation.amazonaws.com` (a service)",
				"Target  `dryRun=false, groupId=sg-1`", "Where  `123456789012`, `us-west-1`",
			},
			next: ask, object: "deploy DeleteSecurityGroup",
		},
		{
			name: "AWS, refused to a role",
			raw: from(`{"aws":{"eventName":"GetSecretValue","errorCode":"AccessDenied","sourceIPAddress":"203.0.113.7","accountId":"123456789012",
				"userIdentity":{"arn":"arn:aws:sts::123456789012:assumed-role/deploy/run-7","type":"AssumedRole"}}}`),
			sentence: "AWS: `GetSecretValue` by `assumed-role/deploy/run-7` in `123456789012`",
			facts: []string{
				"Action  `GetSecretValue`", "By  `assumed-role/deploy/run-7`", "From  `203.0.113.7`", "Result  `AccessDenied`",
				"Where  `123456789012`",
			},
			next: ask, object: "assumed-role/deploy/run-7 GetSecretValue",
		},
		{
			name: "AWS, a finding that names the account in its title",
			raw: from(`{"aws":{"source":"guardduty","title":"Unusual console login was seen for principal deploy.","accountId":"123456789012","region":"eu-central-1",
				"resource":{"accessKeyDetails":{"userName":"deploy"}},
				"service":{"action":{"awsApiCallAction":{"remoteIpDetails":{"ipAddressV4":"203.0.113.7"}}}}}}`),
			sentence: "AWS: `Unusual console login was seen for principal deploy` in `123456789012`",
			facts: []string{
				"Action  `Unusual console login was seen for principal deploy.`", "By  `deploy`", "From  `203.0.113.7`",
				"Where  `123456789012`, `eu-central-1`",
			},
			next: ask, object: "deploy Unusual console login was seen for principal deploy.",
		},
		{
			name: "Azure",
			raw: from(`{"OperationName":"Microsoft.Compute/virtualMachines/start/action","Caller":"ops@example.com","CallerIpAddress":"203.0.113.7",
				"ResourceId":"/group/virtualMachines/log","ActivityStatus":"Started","SubscriptionId":"sub-1","ResourceGroup":"group"}`),
			sentence: "Azure: `virtualMachines/start` by `ops@example.com` in `sub-1`",
			facts: []string{
				"Action  `Microsoft.Compute/virtualMachines/start/action`", "By  `ops@example.com`", "From  `203.0.113.7`",
				"Target  `/group/virtualMachines/log`", "Result  `Started`", "Where  `sub-1`, `group`",
			},
			next: ask, object: "ops@example.com Microsoft.Compute/virtualMachines/start/action",
		},
		{
			name: "Azure, an activity log from a container",
			raw: from(`{"azure_tag":"azure-storage","operationName":"MICROSOFT.COMPUTE/VIRTUALMACHINES/DELETE","category":"Administrative","resultType":"Failure",
				"resultSignature":"Failed.Forbidden","callerIpAddress":"203.0.113.7","tenantId":"tenant-1",
				"resourceId":"/SUBSCRIPTIONS/SUB-1/RESOURCEGROUPS/SHOP/PROVIDERS/MICROSOFT.COMPUTE/VIRTUALMACHINES/DB-1",
				"identity":{"authorization":{"scope":"x"},"claims":{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn":"ops@example.com","appid":"app-1"}}}`),
			sentence: "Azure: `VIRTUALMACHINES/DELETE, Failure` by `ops@example.com` in `tenant-1`",
			facts: []string{
				"Action  `MICROSOFT.COMPUTE/VIRTUALMACHINES/DELETE`", "By  `ops@example.com`", "From  `203.0.113.7`",
				"Target  `/SUBSCRIPTIONS/SUB-1/RESOURCEGROUPS/SHOP/PROVIDERS/MICROSOFT.COMPUTE/VIRTUALMACHINES/DB-1`",
				"Result  `Failure`, `Failed.Forbidden`", "Where  `tenant-1`",
			},
			next: ask, object: "ops@example.com MICROSOFT.COMPUTE/VIRTUALMACHINES/DELETE",
		},
		{
			name: "Azure, the claims as Wazuh takes a name with dots apart",
			raw: from(`{"azure_tag":"azure-storage","operationName":"MICROSOFT.COMPUTE/VIRTUALMACHINES/RESTART/ACTION","resultType":"Start",
				"identity":{"claims":{"http://schemas":{"xmlsoap":{"org/ws/2005/05/identity/claims/upn":"ops@example.com"}}}}}`),
			sentence: "Azure: `VIRTUALMACHINES/RESTART` by `ops@example.com`",
			facts:    []string{"Action  `MICROSOFT.COMPUTE/VIRTUALMACHINES/RESTART/ACTION`", "By  `ops@example.com`", "Result  `Start`"},
			next:     ask, object: "ops@example.com MICROSOFT.COMPUTE/VIRTUALMACHINES/RESTART/ACTION",
		},
		{
			name: "Azure, a sign-in from a container",
			raw: from(`{"azure_tag":"azure-storage","operationName":"Sign-in activity","resultType":"50126","resultDescription":"Invalid username or password",
				"callerIpAddress":"203.0.113.7","tenantId":"tenant-1","identity":"Ops Person",
				"properties":{"userPrincipalName":"ops@example.com","appDisplayName":"Azure Portal","ipAddress":"203.0.113.7"}}`),
			sentence: "Azure: `Sign-in activity, failure` by `ops@example.com` in `tenant-1`",
			facts: []string{
				"Action  `Sign-in activity`", "By  `ops@example.com`", "From  `203.0.113.7`", "Target  `Azure Portal`",
				"Result  `50126`, `Invalid username or password`", "Where  `tenant-1`",
			},
			next: ask, object: "ops@example.com Sign-in activity",
		},
		{
			name: "Azure, a sign-in from Microsoft Graph",
			raw: from(`{"azure_tag":"azure-ad-graph","userPrincipalName":"ops@example.com","appDisplayName":"Azure Portal","ipAddress":"203.0.113.7",
				"status":{"errorCode":0,"failureReason":"Other."},"location":{"city":"Berlin","countryOrRegion":"DE"}}`),
			sentence: "Azure: `Sign-in` by `ops@example.com`",
			facts: []string{
				"Action  `Sign-in`", "By  `ops@example.com`", "From  `203.0.113.7`", "Target  `Azure Portal`", "Result  success", "Where  `DE`",
			},
			next: ask, object: "ops@example.com Sign-in",
		},
		{
			name: "Azure, an audit of the directory from Microsoft Graph",
			raw: from(`{"azure_tag":"azure-ad-graph","activityDisplayName":"Add member to role","category":"RoleManagement","result":"success",
				"initiatedBy":{"user":{"userPrincipalName":"ops@example.com","ipAddress":"203.0.113.7"},"app":null},
				"targetResources":[{"type":"User","userPrincipalName":"new@example.com"}]}`),
			sentence: "Azure: `Add member to role` by `ops@example.com`",
			facts: []string{
				"Action  `Add member to role`", "By  `ops@example.com`", "From  `203.0.113.7`", "Target  `new@example.com`", "Result  `success`",
			},
			next: ask, object: "ops@example.com Add member to role",
		},
		{
			name: "Google Cloud",
			raw: from(`{"gcp":{"protoPayload":{"methodName":"io.k8s.core.v1.pods.list","authenticationInfo":{"principalEmail":"ops@example.com"},
				"requestMetadata":{"callerIp":"2001:db8::7"},"resourceName":"core/v1/pods","authorizationInfo":[{"granted":true}]},
				"resource":{"labels":{"project_id":"shop","location":"us-central1-c"}}}}`),
			sentence: "GCP: `io.k8s.core.v1.pods.list` by `ops@example.com` in `shop`",
			facts: []string{
				"Action  `io.k8s.core.v1.pods.list`", "By  `ops@example.com`", "From  `2001:db8::7`", "Target  `core/v1/pods`",
				"Result  granted", "Where  `shop`, `us-central1-c`",
			},
			next: ask, object: "ops@example.com io.k8s.core.v1.pods.list",
		},
		{
			name: "Office 365",
			raw: from(`{"integration":"Office365","office365":{"Operation":"FileCheckedOut","UserId":"ops@example.com","ClientIP":"203.0.113.7:5000",
				"ObjectId":"doc-1","ResultStatus":"Succeeded","OrganizationId":"org-1","Workload":"SharePoint"}}`),
			sentence: "Office 365: `FileCheckedOut` by `ops@example.com` in `org-1`",
			facts: []string{
				"Action  `FileCheckedOut`", "By  `ops@example.com`", "From  `203.0.113.7` port `5000`", "Target  `doc-1`",
				"Result  `Succeeded`", "Where  `org-1`, `SharePoint`",
			},
			next: ask, object: "ops@example.com FileCheckedOut",
		},
		{
			name:     "GitHub",
			raw:      from(`{"github":{"action":"repo.destroy","actor":"deploy","actor_ip":"203.0.113.7","org":"example","repo":"example/shop"}}`),
			sentence: "GitHub: `repo.destroy` by `deploy` in `example`",
			facts:    []string{"Action  `repo.destroy`", "By  `deploy`", "From  `203.0.113.7`", "Target  `example/shop`", "Where  `example`"},
			next:     ask, object: "deploy repo.destroy",
		},
		{
			name: "a rule of the operator keeps its words",
			raw: `{"rule":{"level":12,"description":"Somebody deleted a shop repository.","id":"100700"},"agent":{"id":"000","name":"mgr"},
				"data":{"github":{"action":"repo.destroy","actor":"deploy","org":"example"}}}`,
			sentence: "`Somebody deleted a shop repository`: `repo.destroy` by `deploy` in `example`",
			facts:    []string{"Action  `repo.destroy`", "By  `deploy`", "Where  `example`"},
			next:     ask, object: "deploy repo.destroy",
		},
		{
			name:     "hostile values are facts",
			raw:      from(`{"github":{"action":"repo<!channel>","actor":"` + "`x`" + `","org":"a\nb"}}`),
			sentence: "GitHub activity",
			facts:    []string{"Action  `repo<!channel>`", "By  ``x``", "Where  `a⏎b`"},
			next:     ask, object: "`x` repo<!channel>",
		},
		{
			name:     "nothing known: the description, but never the machine that fetched the log",
			raw:      from(`{"aws":{"eventName":{},"requestParameters":[1],"userIdentity":"x"}}`),
			sentence: "`Cloud event`", next: noone, object: "-",
		},
	})
}

func TestCloudTellsMachines(t *testing.T) {
	r := readRaw(`{"rule":{"level":3,"id":"80202"},"data":{"aws":{"eventName":"GetSecretValue","errorCode":"AccessDenied","accountId":"123456789012",
		"awsRegion":"us-west-1","requestParameters":{"secretId":"shop"},"userIdentity":{"userName":"deploy"}}}}`)
	want := &Cloud{
		Provider: "AWS", Account: "123456789012", Region: "us-west-1", Actor: "deploy", Action: "GetSecretValue", Target: "secretId=shop",
		Result: "AccessDenied",
	}
	if diff := cmp.Diff(want, r.Cloud); diff != "" {
		t.Errorf("cloud (-want +got):\n%s", diff)
	}
	if got, want := r.Outcome, "failure"; got != want {
		t.Errorf("got outcome %q, want %q", got, want)
	}
}

func TestALogThatOnlySharesANameWithACloudIsNone(t *testing.T) {
	r := readRaw(`{"rule":{"level":3,"description":"App said something","id":"1002"},"data":{"OperationName":"sync","aws":"yes"}}`)
	if got, want := r.Family, "other"; got != want {
		t.Errorf("got family %q, want %q", got, want)
	}
}
