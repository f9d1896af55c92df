// The model's card: what it knows, how good it is, how it was made.

import { bytes, plural } from './answers.js';

const SHOWN_CLASSES = 6;
const HEADS = {
  linear: 'linear head',
  svm: 'support vector machine',
  knn: 'nearest neighbours',
  mlp: 'one hidden layer',
};

export function showModel(card) {
  document.getElementById('lead').replaceChildren(...known(card.classes));
  document.getElementById('limits').textContent =
    `Up to ${bytes(card.limits.picture_bytes)} a picture; JPEG, PNG, WebP, HEIC, TIFF and more.`;
  const tiles = card.figures ? figureTiles(card.figures) : [];
  document.getElementById('tiles').replaceChildren(...tiles);
  document.getElementById('meaning').textContent = meaning(card.figures);
  document.getElementById('facts').replaceChildren(...facts(card).map(pair));
  document.getElementById('model').hidden = false;
}

function known(classes) {
  const names = classes.slice(0, SHOWN_CLASSES).flatMap((name, number) => {
    const bold = document.createElement('b');
    const text = document.createElement('bdi');
    text.textContent = name;
    bold.append(text);
    const last = number === classes.length - 1;
    return number === 0 ? [bold] : [last ? ' and ' : ', ', bold];
  });
  const more = classes.length - SHOWN_CLASSES;
  return ['This model tells apart ', ...names, more > 0 ? ` and ${more.toLocaleString('en')} more.` : '.'];
}

function figureTiles({ test, folds, n_train: learnt }) {
  const number = (value) => (value === null ? 'undefined' : value.toFixed(3));
  const between = (ends) => (ends ? `95% interval ${ends[0].toFixed(3)} to ${ends[1].toFixed(3)}` : '');
  const tiles = [[number(test.accuracy), `accuracy on ${plural(test.n, 'test picture')}`, between(test.accuracy_interval)]];
  if (folds) tiles.push([number(folds.accuracy_mean), `mean accuracy of ${folds.count} folds`, between(folds.accuracy_interval)]);
  tiles.push([learnt.toLocaleString('en'), 'pictures learnt from', `largest class's share in the test ${number(test.majority_share)}`]);
  return tiles.map(([value, label, detail]) => {
    const tile = document.createElement('div');
    for (const [tag, kind, text] of [['dt', '', label], ['dd', 'value', value], ['dd', 'detail', detail]]) {
      const element = document.createElement(tag);
      element.className = kind;
      element.textContent = text;
      tile.append(element);
    }
    return tile;
  });
}

function meaning(figures) {
  if (!figures) return 'Its figures are not here: the model lies outside the folder of its run.';
  const ends = figures.folds?.accuracy_interval || figures.test.accuracy_interval;
  if (!ends) return 'Nothing is known of its accuracy.';
  const wrong = (1 - (ends[0] + ends[1]) / 2) * 100;
  return wrong < 1
    ? 'On pictures like those it was tested on it is nearly always right; on others nothing is known.'
    : `On pictures like those it was tested on, about ${Math.round(wrong)} of 100 answers are wrong; on others nothing is known.`;
}

function facts(card) {
  const made = card.made_of;
  const rows = [['Classes', card.classes.join(', ')]];
  if (made.backbone) rows.push(['Backbone', made.layer && made.layer !== 'pooled' ? `${made.backbone}, layer ${made.layer}` : made.backbone]);
  if (made.weights) rows.push(['Weights', made.weights]);
  if (made.head) rows.push(['Head', HEADS[made.head] || made.head]);
  if (made.input_size) rows.push(['Input', `${made.input_size} × ${made.input_size} pixels, ${made.precision}`]);
  rows.push(['Unfamiliar pictures', familiarity(card.familiarity)]);
  const limits = card.limits;
  rows.push(
    ['Limits', `${bytes(limits.picture_bytes)} and ${(limits.pixels / 1e6).toLocaleString('en')} megapixels a picture, ${limits.pictures} pictures a request, ${limits.seconds} seconds`],
    ['Model', card.name],
    ['Version', `headstart ${card.headstart}`],
  );
  return rows;
}

// How it is told that a picture is unlike what was learnt.
function familiarity(known) {
  if (!known) return 'not told apart by this model';
  const { method, unfamiliar_below: least, held_out: count, share_kept: kept } = known;
  const share = kept === undefined ? '' : `; of ${plural(count, 'held-out training picture')} ${kept.toFixed(3)} are not below it`;
  return `marked below ${least}, by the ${method}${share}`;
}

function pair([name, value]) {
  const row = document.createElement('tr');
  const [head, cell] = ['th', 'td'].map((tag) => document.createElement(tag));
  head.scope = 'row';
  head.textContent = name;
  cell.textContent = value;
  row.append(head, cell);
  return row;
}
