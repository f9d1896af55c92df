// The interface's description, drawn from openapi.json.

const find = (name) => document.getElementById(name);

function make(tag, text = '', ...children) {
  const element = document.createElement(tag);
  element.textContent = text;
  element.append(...children);
  return element;
}

function table(heads, rows) {
  const head = make('tr', '', ...heads.map((text) => Object.assign(make('th', text), { scope: 'col' })));
  const body = rows.map(([first, ...rest]) =>
    make('tr', '', Object.assign(make('th', '', make('code', first)), { scope: 'row' }), ...rest.map((text) => make('td', text))));
  const made = make('table', '', make('thead', '', head), make('tbody', '', ...body));
  const frame = make('div', '', made);
  frame.className = 'scroll';
  return frame;
}

const shapeOf = (content = {}) =>
  Object.entries(content).map(([type, { schema }]) => (schema?.$ref ? schema.$ref.split('/').pop() : type)).join(', ');

function operation(path, method, { summary, requestBody, responses }) {
  const section = make('section');
  section.className = 'operation';
  section.append(make('h2', '', make('code', `${method.toUpperCase()} ${path}`)), make('p', summary));
  if (requestBody) {
    const kinds = Object.keys(requestBody.content).map((type) => make('li', '', make('code', type)));
    section.append(make('h3', 'What is sent'), Object.assign(make('ul', '', ...kinds), { className: 'notes' }));
  }
  const rows = Object.entries(responses)
    .sort(([a], [b]) => a - b)
    .map(([status, { description, content }]) => [status, description, shapeOf(content)]);
  section.append(make('h3', 'What comes back'), table(['status', 'meaning', 'shape'], rows));
  return section;
}

function kindOf(property) {
  if (property.$ref) return property.$ref.split('/').pop();
  if (property.anyOf) return property.anyOf.map(kindOf).filter((kind) => kind !== 'null').join(' or ');
  if (property.type === 'array') return `list of ${kindOf(property.items || {})}`;
  if (property.type === 'object') return `object of ${kindOf(property.additionalProperties || {})}`;
  return property.type || 'anything';
}

const at = location.origin;
find('examples').textContent = [
  `curl ${at}/predict -F pictures=@one.jpg -F pictures=@two.jpg`,
  `curl ${at}/predict --data-binary @one.jpg -H 'Content-Type: image/jpeg'`,
  `curl ${at}/model -H 'Authorization: Bearer TOKEN'    # with --token`,
].join('\n');
const { paths, components } = await (await fetch('/openapi.json')).json();
for (const [path, methods] of Object.entries(paths)) {
  for (const [method, what] of Object.entries(methods)) find('operations').append(operation(path, method, what));
}
for (const [name, schema] of Object.entries(components.schemas)) {
  const rows = Object.entries(schema.properties).map(([key, property]) => [key, kindOf(property), property.description || '']);
  find('schemas').append(make('h3', name), make('p', schema.description || ''), table(['key', 'value', ''], rows));
}
