// The list of pictures with their answers.

import { explain, predict, Refused } from './server.js';

const SHOWN_CLASSES = 5;
const AT_ONCE = 4; // requests under way
const UNFAMILIAR = 0.05; // below it a picture is unlike what the model has learnt from
const list = document.getElementById('answers');
const template = document.getElementById('answer');
const line = document.getElementById('status');
const clear = document.getElementById('clear');
const waiting = [];
let underWay = 0;

export const share = (value) => (value > 0.9995 && value < 1 ? '> 0.999' : value.toFixed(3));
export const bytes = (count) =>
  count >= 1e6 ? `${+(count / 1e6).toFixed(1)} MB` : `${+(count / 1e3).toFixed(1)} kB`;

// One picture on the page.
class Picture {
  constructor(file, card) {
    this.file = file;
    this.card = card;
    this.leaving = new AbortController();
    this.element = template.content.firstElementChild.cloneNode(true);
    this.image = this.find('img');
    this.name = file.name || 'pasted picture';
    this.find('.name bdi').textContent = this.name;
    this.find('.remove').setAttribute('aria-label', `Remove ${this.name}`);
    this.find('.remove').addEventListener('click', () => this.remove());
    this.find('.again').addEventListener('click', () => this.start());
    this.find('.why').addEventListener('click', () => this.toggleWhy());
    this.show();
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  show() {
    this.address = URL.createObjectURL(this.file);
    this.image.addEventListener('load', () => this.setShown(true));
    this.image.addEventListener('error', () => this.setShown(false));
    this.image.alt = this.name;
    this.image.src = this.address;
  }

  setShown(isShown) {
    this.image.hidden = !isShown;
    this.find('.gone').hidden = isShown;
  }

  set state(state) {
    this.element.dataset.state = state;
    tell();
  }

  get state() {
    return this.element.dataset.state;
  }

  start() {
    this.state = 'waiting';
    this.find('.again').hidden = true;
    this.say('');
    const most = this.card.limits.picture_bytes;
    if (this.file.size > most) {
      this.fail(`This file has ${bytes(this.file.size)}; the server takes up to ${bytes(most)}.`);
      return;
    }
    waiting.push(this);
    proceed();
  }

  async ask() {
    try {
      const answer = await predict(this.file, this.leaving.signal, (seconds) =>
        this.say(`The server is busy; asking again in ${seconds} s.`));
      if (answer.error) this.fail(`This picture cannot be read: ${answer.error}.`);
      else this.answer(answer);
    } catch (error) {
      if (error.name === 'AbortError') return;
      this.fail(error instanceof Refused ? error.message : 'The page failed to ask for this picture.');
      this.find('.again').hidden = false;
    }
  }

  say(words) {
    this.find('.problem').textContent = words;
  }

  fail(words) {
    this.say(words);
    this.state = 'failed';
  }

  answer({ predicted, probabilities, familiar }) {
    this.say('');
    this.find('.unfamiliar').hidden = !(familiar < UNFAMILIAR);
    this.find('.verdict bdi').textContent = predicted;
    const rows = Object.entries(probabilities).sort((a, b) => b[1] - a[1]);
    const bars = rows.slice(0, SHOWN_CLASSES).map(([name, value]) => bar(name, value));
    this.find('.shares').replaceChildren(...bars);
    if (rows.length > SHOWN_CLASSES) {
      const rest = document.createElement('li');
      rest.className = 'rest';
      rest.textContent = `${rows.length - SHOWN_CLASSES} more classes`;
      this.find('.shares').append(rest);
    }
    this.find('.why').hidden = !this.card.explains;
    this.find('.why').setAttribute('aria-label', `Why? What the answer for ${this.name} rests on`);
    this.state = 'answered';
  }

  // The explanation takes the picture's place, until it is asked to go.
  async toggleWhy() {
    const button = this.find('.why');
    const isOpen = button.getAttribute('aria-expanded') === 'true';
    try {
      if (!isOpen && !this.why) {
        button.disabled = true;
        this.why = await explain(this.file, this.leaving.signal);
        this.find('.near ol').replaceChildren(...this.why.nearest.map(near));
      }
      this.image.src = isOpen ? this.address : this.why.picture;
      this.find('.near').hidden = isOpen || !this.why.nearest.length;
      this.image.alt = isOpen ? this.name : `${this.name}, with what speaks for the answer marked`;
      button.setAttribute('aria-expanded', String(!isOpen));
      button.textContent = isOpen ? 'Why?' : 'Only the picture';
    } catch (error) {
      if (error.name !== 'AbortError') this.say(`No explanation: ${error.message}`);
    } finally {
      if (button.disabled) {
        button.disabled = false;
        button.focus();
      }
    }
  }

  remove() {
    this.leaving.abort();
    const next = this.element.nextElementSibling || this.element.previousElementSibling;
    URL.revokeObjectURL(this.address);
    this.element.remove();
    shown.delete(this);
    (next?.querySelector('.remove') || document.getElementById('choose')).focus();
    tell();
  }
}

const shown = new Set();

function bar(name, value) {
  const row = document.createElement('li');
  const [title, track, number] = ['bdi', 'span', 'span'].map((tag) => document.createElement(tag));
  title.textContent = name;
  title.title = name;
  track.className = 'track';
  track.style.setProperty('--share', value);
  number.className = 'n';
  number.textContent = share(value);
  row.append(title, track, number);
  return row;
}

// A training picture: its small copy where the model keeps some, its label, its name.
function near({ name, label, likeness, small }) {
  const row = document.createElement('li');
  if (small) {
    const image = document.createElement('img');
    image.src = small;
    image.alt = '';
    row.append(image);
  }
  for (const [kind, text] of [['label', label], ['name', name]]) {
    const element = document.createElement('bdi');
    element.className = kind;
    element.textContent = text;
    element.title = text;
    row.append(element);
  }
  const number = document.createElement('span');
  number.className = 'n';
  number.textContent = share(likeness);
  row.append(number);
  return row;
}

async function proceed() {
  while (underWay < AT_ONCE && waiting.length) {
    const picture = waiting.shift();
    if (!shown.has(picture)) continue;
    underWay += 1;
    picture.ask().finally(() => {
      underWay -= 1;
      proceed();
    });
  }
}

// One line of what there is, for the eye and for a screen reader.
function tell() {
  const all = [...shown];
  const count = (state) => all.filter((picture) => picture.state === state).length;
  const parts = [];
  if (count('answered')) parts.push(`${plural(count('answered'), 'picture')} answered`);
  if (count('failed')) parts.push(`${count('failed')} without an answer`);
  if (count('waiting')) parts.push(`${count('waiting')} being asked`);
  const words = parts.join(', ');
  if (line.textContent !== words) line.textContent = words;
  clear.hidden = all.length < 2;
}

export const plural = (count, noun) => `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;

// New pictures stand before the older ones, in their own order.
export function add(files, card) {
  const pictures = [...files].map((file) => new Picture(file, card));
  list.prepend(...pictures.map((picture) => picture.element));
  for (const picture of pictures) shown.add(picture);
  for (const picture of pictures) picture.start();
}

clear.addEventListener('click', () => {
  for (const picture of [...shown]) picture.remove();
});
