package family

import "github.com/ossec-notify/ossec-notify/alert"

func stub() kind {
	return kind{is: func(*alert.Alert) bool { return false }}
}
func enrichmentKind() kind    { return stub() }
func fimKind() kind           { return stub() }
func rootcheckKind() kind     { return stub() }
func scaKind() kind           { return stub() }
