// What the page asks of the server, and its refusals in words.

const MOST_TRIES = 20;
let token = '';

// A refusal, with the status that it came with; 0 where the server could not be reached.
export class Refused extends Error {
  constructor(words, status) {
    super(words);
    this.status = status;
  }
}

// The token goes with every later request, and is forgotten with the page.
export function useToken(text) {
  token = text;
}

async function ask(path, options = {}) {
  const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  let reply;
  try {
    reply = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refused('The server cannot be reached. Is it still running?', 0);
  }
  if (reply.ok) return reply;
  const found = await reply.json().catch(() => ({}));
  const refusal = new Refused(sentence(found.error || `The server answered with ${reply.status}.`), reply.status);
  refusal.wait = Number(reply.headers.get('Retry-After')) || 1;
  throw refusal;
}

function sentence(words) {
  const text = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

// Ask again for as long as the server is busy; `busy` is told each time.
async function patiently(path, options, busy) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask(path, options);
    } catch (error) {
      if (error.status !== 503 || tries === MOST_TRIES) throw error;
      busy(error.wait);
      await new Promise((resume) => setTimeout(resume, error.wait * 1000));
      options.signal?.throwIfAborted();
    }
  }
}

export async function needsToken() {
  return (await (await ask('/healthz')).json()).needs_token;
}

export async function modelCard() {
  return (await ask('/model')).json();
}

// The answer for one file: {predicted, probability, probabilities} or {error}.
export async function predict(file, signal, busy) {
  const body = new FormData();
  body.append('pictures', file, file.name || 'picture');
  const reply = await patiently('/predict', { method: 'POST', body, signal }, busy);
  return (await reply.json()).answers[0];
}

// What the answer for a file rests on: {picture, nearest: [{name, label, likeness, small}]}.
export async function explain(file, signal) {
  const headers = { Accept: 'application/json' };
  const reply = await patiently('/explain', { method: 'POST', body: file, signal, headers }, () => {});
  return reply.json();
}
