package server

import (
	"encoding/json"

	"github.com/countersign-id/countersign/api"
)

// shapes are the bodies of the methods, as examples in the API document and
// nothing else: a method that is not among them is described all the same.
func shapes() map[string]api.Shape {
	const id = `"id":"crd_01jd9q3v8m3e5g7j9k1n3q5s7v9x1z3b"`
	code := func(method, code string) api.Shape {
		return api.Shape{Evidence: json.RawMessage(`{"method":"` + method + `","code":"` + code + `"}`)}
	}
	app, sheet := code("totp", "123456"), code("recovery_code", "7hw2-9k4m-x0qd-3vcp")
	app.Add, app.Confirm = json.RawMessage(`{"name":"Telephone"}`), json.RawMessage(`{"code":"123456"}`)
	app.Added = json.RawMessage(`{` + id + `,"secret":"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",` +
		`"uri":"otpauth://totp/Countersign:ada%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Countersign&algorithm=SHA1&digits=6&period=30",` +
		`"qr_svg":"<svg …>","expires_at":"2026-11-22T14:45:00Z"}`)
	app.Options = app.Added
	sheet.Added = json.RawMessage(`{` + id + `,"codes":["7hw2-9k4m-x0qd-3vcp","…"]}`)
	sheet.Detail = json.RawMessage(`{"left":10,"of":10}`)
	return map[string]api.Shape{
		"password": {
			Evidence: json.RawMessage(`{"method":"password","password":"correct horse battery staple"}`),
			Change:   json.RawMessage(`{"current_password":"correct horse battery staple","new_password":"a lantern over quiet water"}`),
		},
		"email_code":    code("email_code", "12345678"),
		"sms_code":      code("sms_code", "123456"),
		"magic_link":    {Evidence: json.RawMessage(`{"method":"magic_link","token":"cs_lnk_…"}`)},
		"totp":          app,
		"recovery_code": sheet,
		"passkey":       passkeyShape(id),
		"device": {
			Evidence: json.RawMessage(`{"method":"device","token":"cs_dev_…"}`),
			Added:    json.RawMessage(`{` + id + `,"token":"cs_dev_…"}`),
		},
		"factor_reset": {
			Evidence: json.RawMessage(`{"method":"factor_reset"}`),
			Detail:   json.RawMessage(`{"ready_at":"2026-11-25T14:30:00Z","until":"2026-12-02T14:30:00Z"}`),
		},
	}
}

// passkeyShape is what WebAuthn Level 3 calls its JSON forms.
func passkeyShape(id string) api.Shape {
	const key = `"id":"zMSFCWpKU1GfVzYz","rawId":"zMSFCWpKU1GfVzYz","type":"public-key","clientExtensionResults":{}`
	made := `"response":{` + key + `,"response":{"clientDataJSON":"eyJ0eXBlIjoi…","attestationObject":"o2NmbXRk…","transports":["internal"]}}`
	return api.Shape{
		Evidence: json.RawMessage(`{"method":"passkey","response":{` + key + `,"response":{"clientDataJSON":"eyJ0eXBlIjoi…","authenticatorData":"SZYN5YgO…","signature":"MEUCIQDx…","userHandle":"aWRuXzAx…"}}}`),
		Options: json.RawMessage(`{` + id + `,"publicKey":{"rp":{"id":"id.example.com","name":"Countersign"},"user":{"id":"aWRuXzAx…","name":"ada@example.com","displayName":"Ada"},` +
			`"challenge":"9uQy0cdV…","pubKeyCredParams":[{"type":"public-key","alg":-7}],"timeout":300000,"excludeCredentials":[],` +
			`"authenticatorSelection":{"residentKey":"preferred","userVerification":"preferred"},"attestation":"none","extensions":{"credProps":true}}}`),
		Add: json.RawMessage(`{"name":"Laptop",` + made + `}`), Confirm: json.RawMessage(`{` + made + `}`),
		Detail: json.RawMessage(`{"provider":"iCloud Keychain","synced":true,"transports":["internal"],"credential_id":"zMSFCWpKU1GfVzYz"}`),
	}
}
