// What pages ask of the browser about passkeys (W3C Web Authentication Level 3).
// The server sends options and takes the answer as JSON in a hidden field; every
// answer travels in an ordinary form. Nothing here is shown before somebody asks for it.
const bytes = text => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), c => c.charCodeAt(0));
const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const Key = window.PublicKeyCredential;

// Options as the browser wants them: bytes where JSON has text.
function decoded({ publicKey }) {
	const list = (all = []) => all.map(one => ({ ...one, id: bytes(one.id) }));
	const options = { ...publicKey, challenge: bytes(publicKey.challenge) };
	if (options.user) options.user = { ...options.user, id: bytes(options.user.id) };
	if (options.allowCredentials) options.allowCredentials = list(options.allowCredentials);
	if (options.excludeCredentials) options.excludeCredentials = list(options.excludeCredentials);
	return options;
}

// The answer as the server wants it.
function encoded(made) {
	const from = made.response, response = { clientDataJSON: text(from.clientDataJSON) };
	for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) if (from[name]) response[name] = text(from[name]);
	if (from.getTransports) response.transports = from.getTransports();
	const extensions = made.getClientExtensionResults(), told = {};
	if (extensions.credProps) told.credProps = extensions.credProps;
	return JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type,
		authenticatorAttachment: made.authenticatorAttachment ?? undefined, response, clientExtensionResults: told });
}

async function ask(kind, options, more = {}) {
	const made = await navigator.credentials[kind]({ publicKey: decoded(options), ...more });
	if (!made) throw new DOMException("", "NotAllowedError");
	return encoded(made);
}

// What went wrong, in the words that the page brought.
function why(error, said) {
	if (error.name === "InvalidStateError" && said.already) return said.already;
	if (["NotSupportedError", "SecurityError", "TypeError"].includes(error.name)) return said.missing;
	return said.stopped;
}

function say(form, words, state) {
	const line = form.querySelector("[data-passkey-status]");
	line.textContent = words;
	line.dataset.state = state;
}

// A form that a method brought: its button asks the browser, then sends the form.
for (const box of document.querySelectorAll("[data-passkey]")) {
	const form = box.closest("form"), field = box.querySelector("input[name=response]");
	form.addEventListener("submit", async e => {
		if (e.submitter?.name || field.value) return;
		e.preventDefault();
		if (!Key) return say(form, box.dataset.missing, "bad");
		waiting?.abort();
		say(form, box.dataset.waiting, "");
		try {
			field.value = await ask(box.dataset.passkey, JSON.parse(box.querySelector("script").textContent));
			form.submit();
		} catch (error) {
			say(form, why(error, box.dataset), "bad");
		}
	});
	// Back from the next page the answer is spent.
	addEventListener("pageshow", () => { field.value = ""; });
}

// A sign-in without a name has an attempt of its own.
async function begin(form) {
	const post = async (path, body) => {
		const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
		if (!answer.ok) throw new DOMException("", "NetworkError");
		return answer.json();
	};
	const back = form.querySelector("[name=return_to]")?.value;
	const { id } = await post("/v1/attempts", { purpose: "sign_in", ...back && { return_to: back } });
	const { challenge } = await post(`/v1/attempts/${id}/challenges`, { method: form.dataset.nameless });
	return { id, challenge };
}

function send(form, id, response) {
	form.elements.do.value = "answer";
	form.elements.attempt.value = id;
	form.elements.response.value = response;
	form.submit();
}

let waiting;
for (const form of document.querySelectorAll("form[data-nameless]")) {
	form.addEventListener("submit", async e => {
		e.preventDefault();
		if (!Key) return say(form, form.dataset.missing, "bad");
		waiting?.abort();
		say(form, form.dataset.waiting, "");
		try {
			const { id, challenge } = await begin(form);
			send(form, id, await ask("get", challenge));
		} catch (error) {
			say(form, why(error, form.dataset), "bad");
			offer();
		}
	});
	addEventListener("pageshow", e => { if (e.persisted) location.reload(); });

	// Among the suggestions of the name's field, without a dialogue of its own. An
	// attempt is kept by the server, so it waits until somebody is there.
	const offer = async () => {
		waiting = new AbortController();
		const { signal } = waiting;
		// A challenge works for some minutes: a newer one takes its place.
		const stale = setTimeout(() => { waiting?.abort(); if (waiting?.signal === signal) offer(); }, 240e3);
		try {
			const { id, challenge } = await begin(form);
			if (signal.aborted) return;
			send(form, id, await ask("get", challenge, { mediation: "conditional", signal }));
		} catch { /* nobody asked for it, so nobody is told */ } finally { clearTimeout(stale); }
	};
	const signs = ["pointermove", "pointerdown", "keydown", "touchstart"];
	const once = () => { for (const s of signs) removeEventListener(s, once); offer(); };
	Key?.isConditionalMediationAvailable?.().then(can => { if (can) for (const s of signs) addEventListener(s, once, { passive: true }); });
}

// Right after a sign-in by password, a browser may make a passkey in silence.
for (const card of document.querySelectorAll("[data-offer]")) (async () => {
	const can = await Key?.getClientCapabilities?.();
	if (!can?.conditionalCreate) return;
	try {
		const page = new DOMParser().parseFromString(await (await fetch(card.dataset.offer)).text(), "text/html");
		const form = page.querySelector("form:has([data-passkey=create])"), options = JSON.parse(form.querySelector("script").textContent);
		const response = await ask("create", options, { mediation: "conditional" });
		const fields = new URLSearchParams(new FormData(form));
		fields.set("response", response);
		fields.set("mediation", "conditional");
		const answer = await fetch(form.getAttribute("action"), { method: "POST", body: fields });
		if (!answer.ok) return;
		const told = document.createElement("p");
		told.className = "notice";
		told.setAttribute("role", "status");
		told.textContent = card.dataset.made;
		card.replaceWith(told);
	} catch { /* the card stays */ }
})();

// Authenticators are told which passkeys are still good, and what the account is called.
const gone = "countersign-removed";
for (const form of document.querySelectorAll("[data-forget]")) form.addEventListener("submit", () => sessionStorage.setItem(gone, form.dataset.forget));
if (document.querySelector("[data-testid=account-way-back]")) {
	const removed = JSON.parse(sessionStorage.getItem(gone) || "null");
	const tell = (name, what) => Key?.[name]?.(what).catch(() => {});
	let still = false;
	for (const one of document.querySelectorAll("[data-signal]")) {
		const { rpId, userId, ids, name, displayName } = JSON.parse(one.dataset.signal);
		still ||= ids.includes(removed?.credentialId);
		tell("signalAllAcceptedCredentials", { rpId, userId, allAcceptedCredentialIds: ids });
		tell("signalCurrentUserDetails", { rpId, userId, name, displayName });
	}
	if (removed && !still) tell("signalUnknownCredential", removed);
	sessionStorage.removeItem(gone);
}
