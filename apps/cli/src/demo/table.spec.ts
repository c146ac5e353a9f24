import { textTable } from './table.js';

describe('textTable', () => {
  it('aligns text to the left and numbers to the right', () => {
    const rows = [
      { airport: 'ATL', flights: 1234, delay: 8.126 },
      { airport: 'Denver', flights: 7, delay: null },
    ];
    expect(textTable(['airport', 'flights', 'delay'], rows)).toBe(
      [
        'airport  flights  delay',
        '-------  -------  -----',
        'ATL         1234   8.13',
        'Denver         7',
      ].join('\n'),
    );
  });

  it('shows the columns even without rows', () => {
    expect(textTable(['a', 'bb'], [])).toBe('a  bb\n-  --');
  });
});
