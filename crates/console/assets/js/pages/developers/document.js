// What the explorer reads in an OpenAPI document.

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const JSON_TYPE = 'application/json';
/** Bodies within bodies are shown so deep. */
const DEEPEST = 3;

/** The schema that a reference leads to. */
export function resolved(document, schema) {
  const name = schema?.$ref?.split('/').pop();
  return name ? document.components.schemas[name] || {} : schema || {};
}

const bodyOf = (content) => content?.[JSON_TYPE]?.schema;

function operationOf(path, method, operation) {
  const answers = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'));
  const answer = bodyOf(answers[0]?.[1].content);
  return {
    key: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path, tag: operation.tags?.[0] || '', what: [operation.summary, operation.description].filter(Boolean).join(' '),
    parameters: operation.parameters || [], body: bodyOf(operation.requestBody?.content), answer, reads: method === 'get' && Boolean(answer),
  };
}

/** All calls, by path. */
export const operations = (document) => Object.entries(document.paths).flatMap(([path, item]) => METHODS.filter((method) => item[method]).map((method) => operationOf(path, method, item[method])));

const isNull = (schema) => schema.type === 'null';

/** The one of several that says most. */
const chosen = (schema) => [...(schema.oneOf || []), ...(schema.anyOf || []), ...(schema.allOf || [])].find((one) => !isNull(one));

/** A type in a word. */
export function typeOf(document, given) {
  const name = given?.$ref?.split('/').pop();
  if (name) return name;
  const one = chosen(given || {});
  if (one) return typeOf(document, one);
  const types = [given?.type].flat().filter((type) => type && type !== 'null');
  return types[0] === 'array' ? `${typeOf(document, given.items)}[]` : types.join(' | ') || 'any';
}

/** All properties of a schema, with those that it is put together of. */
function propertiesOf(document, given) {
  const schema = resolved(document, given);
  const parts = (schema.allOf || []).map((part) => propertiesOf(document, part));
  return { properties: Object.assign({}, ...parts.map((part) => part.properties), schema.properties), required: [...parts.flatMap((part) => part.required), ...(schema.required || [])] };
}

/** One row for each property. */
export function fieldsOf(document, given) {
  const { properties, required } = propertiesOf(document, given);
  return Object.entries(properties).map(([name, property]) => ({
    name, required: required.includes(name), type: typeOf(document, property), what: property.description || resolved(document, property).description || '',
  }));
}

const BLANKS = { string: '…', integer: 1, number: 1, boolean: false };

/** A body as it could be: what is required, or everything where nothing is. */
export function example(document, given, depth = 0) {
  const schema = resolved(document, given);
  if (schema.example !== undefined) return schema.example;
  if (schema.examples?.length) return schema.examples[0];
  if (schema.enum) return schema.enum[0];
  const one = !schema.allOf && chosen(schema);
  if (one) return example(document, one, depth);
  const type = [schema.type].flat().find((type) => type && type !== 'null');
  if (type === 'array') return depth < DEEPEST ? [example(document, schema.items, depth + 1)] : [];
  const { properties, required } = propertiesOf(document, schema);
  if (!Object.keys(properties).length) return BLANKS[type] ?? {};
  const named = Object.entries(properties).filter(([name]) => !required.length || required.includes(name));
  return depth < DEEPEST ? Object.fromEntries(named.map(([name, property]) => [name, example(document, property, depth + 1)])) : {};
}
