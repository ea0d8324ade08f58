package passkey

import "slices"

// model is what an AAGUID stands for. It helps people to tell their passkeys
// apart and decides nothing: without attestation anyone can claim any.
type model struct {
	Name string
	Icon string // one of ours: "key", "phone", "laptop" or "shield"
}

// models are the ones that most people have. Names are their makers' marks.
var models = map[string]model{
	"fbfc3007-154e-4ecc-8c0b-6e020557d7bd": {"iCloud Keychain", "phone"},
	"dd4ec289-e01d-41c9-bb89-70fa845d4bf2": {"iCloud Keychain (managed)", "phone"},
	"ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4": {"Google Password Manager", "phone"},
	"53414d53-554e-4700-0000-000000000000": {"Samsung Pass", "phone"},
	"08987058-cadc-4b81-b6e1-30de50dcbe96": {"Windows Hello", "laptop"},
	"9ddd1817-af5a-4672-a2b9-3e3dd95000a9": {"Windows Hello", "laptop"},
	"6028b017-b1d4-4c02-b4b3-afcdafc96bb2": {"Windows Hello", "laptop"},
	"d3452668-01fd-4c12-926c-83a4204853aa": {"Microsoft Password Manager", "laptop"},
	"adce0002-35bc-c60a-648b-0b25f1f05503": {"Chrome on Mac", "laptop"},
	"771b48fd-d3d4-4f74-9232-fc157ab0507a": {"Edge on Mac", "laptop"},
	"b5397666-4885-aa6b-cebf-e52262a439a2": {"Chromium", "laptop"},
	"bada5566-a7aa-401f-bd96-45619a55120d": {"1Password", "shield"},
	"d548826e-79b4-db40-a3d8-11116f7e8349": {"Bitwarden", "shield"},
	"531126d6-e717-415c-9320-3d9aa6981239": {"Dashlane", "shield"},
	"b84e4048-15dc-4dd0-8640-f4f60813c8af": {"NordPass", "shield"},
	"0ea242b4-43c4-4a1b-8b17-dd6d0b6baec6": {"Keeper", "shield"},
	"f3809540-7f14-49c1-a8b3-8f813b225541": {"Enpass", "shield"},
	"50726f74-6f6e-5061-7373-50726f746f6e": {"Proton Pass", "shield"},
	"b78a0a55-6ef8-d246-a042-ba0f6d55050c": {"LastPass", "shield"},
	"fdb141b2-5d84-443e-8a35-4698c205a502": {"KeePassXC", "shield"},
	"cb69481e-8ff7-4039-93ec-0a2729a154a8": {"YubiKey 5", "key"},
	"ee882879-721c-4913-9775-3dfcce97072a": {"YubiKey 5", "key"},
	"19083c3d-8383-4b18-bc03-8f1c9ab2fd1b": {"YubiKey 5", "key"},
	"fa2b99dc-9e39-4257-8f92-4a30d23c4118": {"YubiKey 5 NFC", "key"},
	"2fc0579f-8113-47ea-b116-bb5a8db9202a": {"YubiKey 5 NFC", "key"},
	"a25342c0-3cdc-4414-8e46-f4807fca511c": {"YubiKey 5 NFC", "key"},
	"c5ef55ff-ad9a-4b9f-b580-adebafe026d0": {"YubiKey 5Ci", "key"},
	"d8522d9f-575b-4866-88a9-ba99fa02f35b": {"YubiKey Bio", "key"},
	"f8a011f3-8c0a-4d15-8006-17111f9edc7d": {"Security Key by Yubico", "key"},
	"b92c3f9a-c014-4056-887f-140a2501163b": {"Security Key by Yubico", "key"},
	"6d44ba9b-f6ec-2e49-b930-0c8fe920cb73": {"Security Key NFC by Yubico", "key"},
	"149a2021-8ef6-4133-96b8-81f8d5b7f1f5": {"Security Key NFC by Yubico", "key"},
	"42b4fb4a-2866-43b2-9bf7-6c6669c2e5d3": {"Titan Security Key", "key"},
}

// modelOf is the model, or what the way it is reached lets us guess.
func modelOf(r record) model {
	m, ok := models[r.AAGUID]
	switch {
	case ok:
		return m
	case slices.Contains(r.Transports, "internal") && r.Eligible:
		return model{"Passkey", "phone"}
	case slices.Contains(r.Transports, "internal"):
		return model{"Passkey", "laptop"}
	}
	return model{"Passkey", "key"}
}
