import tseslint from 'typescript-eslint';

/**
 * The floors of the house, from the top down. A room may import what lies on a lower floor, and
 * itself; rooms that share a floor do not know each other. What stands in no list is the ground,
 * which everybody may use and which uses nobody. Loading later (`await import()`) counts too.
 */
const floors = [
  ['practice'],
  ['main'],
  ['run'],
  ['commands', 'wiring'],
  ['wizard', 'machine-facts'],
  ['stored'],
  ['vault', 'team', 'server'],
  ['field-sources', 'exporters', 'manifest'],
  ['services', 'oauth'],
  ['stores', 'terminal', 'http'],
];
const allRooms = floors.flat();
/** What each room may not reach: every room of its own floor and of those above. */
const rooms = Object.fromEntries(floors.flatMap((floor, at) => floor.map((room) => [
  room, floors.slice(0, at + 1).flat().filter((other) => other !== room),
])));
const shipped = Object.entries(rooms).filter(([room]) => room !== 'practice');
const everyRoom = [
  ...shipped.map(([room, forbidden]) => ({ files: [`src/${room}/**/*.ts`], ignores: [], room, forbidden, inFolder: true })),
  ...shipped.map(([room, forbidden]) => ({ files: [`src/${room}.ts`], ignores: [], room, forbidden, inFolder: false })),
  { files: ['src/*.ts'], ignores: allRooms.map((room) => `src/${room}.ts`), room: '', forbidden: allRooms, inFolder: false },
];

/** Each third-party library has one home. */
const libraries = {
  undici: 'http',
  keytar: 'stores',
  'age-encryption': 'stores',
  commander: 'main',
  '@inquirer/core': 'terminal',
  '@inquirer/select': 'terminal',
  chalk: 'terminal',
  yaml: 'manifest',
  'openid-client': 'oauth',
  parse5: 'services',
  'parse5-htmlparser2-tree-adapter': 'services',
  'tough-cookie': 'services',
};

/** Out of a folder's room the way leads up; a room of one file, and the ground, lie beside the rooms. */
const roomPatterns = (names, inFolder) => names.map((name) => ({
  regex: `${inFolder ? '^(\\.\\./)+' : '^\\./'}${name}(/|\\.ts$)`, message: `imports run one way: this room may not reach ${name}`,
}));
const librariesOutside = (room) => Object.entries(libraries)
  .filter(([, home]) => room !== home)
  .map(([name, home]) => ({ name, message: `${name} has one home: src/${home}` }));
// `process` by another name. The parts that run as processes of their own, and the wiring have it.
const processModules = ['node:process', 'process'].map((name) => ({ name, message: 'effects are passed in; process stands in src/wiring' }));
// no-restricted-imports does not see import(). A selector's pattern cannot hold a slash.
const loadedLater = ({ room, forbidden, inFolder }) => [
  ...librariesOutside(room).map(({ name, message }) => ({ selector: `ImportExpression[source.value='${name}']`, message })),
  ...roomPatterns(forbidden, inFolder).map(({ regex, message }) => ({ selector: `ImportExpression[source.value=/${regex.replaceAll('/', '\\u002f')}/]`, message })),
];

export default tseslint.config(
  { ignores: ['dist', 'build', 'coverage', 'node_modules'] },
  ...tseslint.configs.strictTypeChecked.map((config) => ({ ...config, files: ['src/**/*.ts', 'test/**/*.ts'] })),
  {
    files: ['src/**/*.ts', 'test/**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      'no-empty': ['error', { allowEmptyCatch: false }],
      eqeqeq: 'error',
      'max-len': ['error', { code: 160, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreUrls: true, ignoreRegExpLiterals: true }],
      // Taking a member out: what is named beside the rest is the part that is left.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/wiring/**', 'src/stores/keychain-child.ts', 'src/stores/scrypt-worker.ts', 'src/practice/**'],
    rules: {
      'no-restricted-globals': ['error', { name: 'process', message: 'effects are passed in; process stands in src/wiring' }],
      'no-console': 'error',
      'max-lines': ['error', { max: 320, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
    },
  },
  ...everyRoom.map((one) => ({
    files: one.files, ignores: one.ignores,
    rules: {
      'no-restricted-imports': ['error', { paths: [...librariesOutside(one.room), ...processModules], patterns: roomPatterns(one.forbidden, one.inFolder) }],
      'no-restricted-syntax': ['error', ...loadedLater(one)],
    },
  })),
  {
    // An old Node must read it to the end.
    files: ['bin/**/*.js'],
    languageOptions: { ecmaVersion: 5, sourceType: 'script' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
);
