import { checkJsonBounds } from './json-bounds.js';

const nested = (levels: number): string => '{"a":'.repeat(levels) + '1' + '}'.repeat(levels);

describe('the bounds of a body', () => {
  it.each([
    '{}',
    '{"a":[1,{"b":null}],"$set":{"x.y":1}}',
    '{"constructor_id":1,"nodes":[{"config":{"constructor":"red"}}]}',
    nested(49),
  ])('takes %j', (body) => {
    expect(() => checkJsonBounds(JSON.parse(body))).not.toThrow();
  });

  it.each([
    ['a list', '[]', /body.*object/],
    ['a string', '"x"', /body.*object/],
    ['null', 'null', /body.*object/],
    ['a prototype', '{"params":{"__proto__":{"admin":true}}}', /params\.__proto__/],
    ['a prototype in a list', '{"a":[{"__proto__":1}]}', /a\.0\.__proto__/],
    ['a NUL in a key', '{"a\\u0000b":1}', /not an allowed key/],
    ['a number beyond a double', '{"n":1e999}', /n: is too large/],
    ['endless nesting', nested(60), /deeper than 50/],
  ])('refuses %s', (_, body, message) => {
    expect(() => checkJsonBounds(JSON.parse(body))).toThrow(message);
  });
});
