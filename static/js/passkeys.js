// Passkeys: the browser is asked what the server wants to know, and its answer goes with the form around the button.

async function options(url, form) {
  const headers = { "X-CSRFToken": form.elements.csrf_token.value };
  const answer = await fetch(url, { method: "POST", headers });
  if (!answer.ok || answer.redirected) throw new Error(`${url} answered ${answer.status}`);
  return answer.json();
}

async function credential(act, url, form) {
  const asked = await options(url, form);
  if (act === "create") {
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked) });
  }
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) });
}

function problemOf(error) {
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) return "This browser cannot use passkeys here.";
  if (error.name === "InvalidStateError") return "This device has a passkey for you already.";
  if (error.name === "NotAllowedError") return "No passkey was used. Try again, or use another way.";
  return "The passkey could not be asked for. Load the page again and repeat it.";
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-passkey]");
  if (!button) return;
  const { form } = button;
  const box = button.closest(".passkey");
  const problem = box.querySelector("[data-passkey-problem]");
  problem.hidden = button.disabled = true;
  try {
    const answer = await credential(button.dataset.passkey, button.dataset.url, form);
    box.querySelector("input").value = JSON.stringify(answer);
    form.requestSubmit();
  } catch (error) {
    problem.textContent = problemOf(error);
    problem.hidden = false;
  }
  button.disabled = false;
});
