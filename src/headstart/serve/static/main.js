// The page's beginning: the token, then the model, then pictures from wherever they come.

import { add } from './answers.js';
import { showModel } from './model.js';
import { modelCard, needsToken, useToken } from './server.js';

const find = (name) => document.getElementById(name);
const lead = find('lead');

async function begin() {
  const card = await modelCard();
  showModel(card);
  find('token-form').hidden = true;
  find('intake').hidden = false;
  takePictures((files) => add(files, card));
}

function takePictures(take) {
  for (const name of ['choose', 'photo']) {
    find(name).addEventListener('change', (event) => {
      take(event.target.files);
      event.target.value = ''; // the same picture may be chosen again
    });
  }
  document.addEventListener('paste', (event) => {
    const { files } = event.clipboardData;
    if (files.length) take(files);
  });
  takeDrops(find('drop'), take);
}

// Pictures may fall anywhere on the page; beside the frame the browser would leave for them.
function takeDrops(frame, take) {
  const hasFiles = (event) => event.dataTransfer?.types.includes('Files');
  const mark = (isOver) => frame.classList.toggle('over', isOver);
  document.addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(true);
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) mark(false);
  });
  document.addEventListener('drop', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(false);
    take(event.dataTransfer.files);
  });
}

function askForToken() {
  const [form, input, problem] = [find('token-form'), find('token'), find('token-problem')];
  lead.textContent = 'The model is behind a token.';
  form.hidden = false;
  input.focus();
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    problem.textContent = '';
    useToken(input.value.trim());
    try {
      await begin();
    } catch (error) {
      problem.textContent = error.status === 401 ? 'That is not the token.' : error.message;
      input.select();
    }
  });
}

try {
  if (await needsToken()) askForToken();
  else await begin();
} catch (error) {
  lead.textContent = error.message;
  lead.classList.add('problem');
}
