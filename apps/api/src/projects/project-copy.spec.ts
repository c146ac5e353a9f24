import { NAME_PATTERN } from '@tauro/domain';
import { copyName } from './project-copy.service.js';

describe('the name of a copy', () => {
  it('says that it is one, and which', () => {
    expect(copyName('sales', 1)).toBe('sales_copy');
    expect(copyName('sales', 2)).toBe('sales_copy_2');
  });

  it('stays a valid name when the original is as long as a name may be', () => {
    const names = [1, 2, 99].map((n) => copyName('x'.repeat(63), n));
    expect(names.every((name) => NAME_PATTERN.test(name))).toBe(true);
    expect(new Set(names).size).toBe(3);
  });
});
