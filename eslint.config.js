import tseslint from 'typescript-eslint';

/**
 * Imports run one way. Each room names what it may not reach; `process` and `console` belong to
 * the wiring; each third-party library has one home. Loading later (`await import()`) counts too.
 */
const rooms = {
  'src/commands/**': ['main', 'run', 'wiring', 'practice'],
  'src/setup.ts': ['main', 'run', 'wiring', 'practice', 'commands'],
  'src/setup/**': ['main', 'run', 'wiring', 'practice', 'commands'],
  'src/vault.ts': ['main', 'run', 'wiring', 'practice', 'commands', 'setup'],
  'src/services/**': ['main', 'run', 'wiring', 'practice', 'commands', 'setup', 'vault', 'stores', 'exporters', 'terminal', 'oauth'],
  'src/stores/**': ['main', 'run', 'wiring', 'practice', 'commands', 'setup', 'vault', 'services', 'exporters', 'terminal', 'oauth'],
  'src/n8n/**': ['main', 'run', 'wiring', 'practice', 'commands', 'setup', 'vault', 'stores', 'exporters', 'terminal', 'oauth'],
  'src/exporters/**': ['main', 'run', 'wiring', 'practice', 'commands', 'setup', 'vault', 'stores', 'terminal', 'oauth'],
  'src/oauth/**': ['main', 'run', 'wiring', 'practice', 'commands', 'setup', 'vault', 'stores', 'services', 'exporters', 'terminal'],
  'src/terminal/**': ['main', 'run', 'wiring', 'practice', 'commands', 'setup', 'vault', 'stores', 'services', 'exporters', 'oauth', 'http'],
  'src/http/**': ['main', 'run', 'wiring', 'practice', 'commands', 'setup', 'vault', 'stores', 'services', 'exporters', 'terminal', 'oauth'],
  // The ground, and whatever lies beside it without a room of its own.
  'src/!(main|run|wiring|setup|vault).ts': ['main', 'run', 'wiring', 'practice', 'commands', 'setup', 'vault', 'stores', 'services', 'exporters', 'terminal', 'oauth', 'http'],
};

const libraries = {
  undici: 'src/http/**',
  keytar: 'src/stores/**',
  'age-encryption': 'src/stores/**',
  commander: 'src/main.ts',
  inquirer: 'src/terminal/**',
  '@inquirer/core': 'src/terminal/**',
  chalk: 'src/terminal/**',
  yaml: 'src/exporters/**',
  open: 'src/terminal/**',
  'openid-client': 'src/oauth/**',
};

const roomPatterns = (names) => names.map((name) => ({ regex: `(^|/)${name}(/|\\.ts$)`, message: `imports run one way: this room may not reach ${name}` }));
const librariesOutside = (glob) => Object.entries(libraries)
  .filter(([, home]) => home !== glob)
  .map(([name, home]) => ({ name, message: `${name} has one home: ${home}` }));
// `process` by another name. The parts that run as processes of their own, and the wiring, have it.
const processModules = ['node:process', 'process'].map((name) => ({ name, message: 'effects are passed in; process stands in wiring.ts' }));
// no-restricted-imports does not see import(). A selector's pattern cannot hold a slash.
const loadedLater = (glob, forbidden) => [
  ...librariesOutside(glob).map(({ name, message }) => ({ selector: `ImportExpression[source.value='${name}']`, message })),
  ...roomPatterns(forbidden).map(({ regex, message }) => ({ selector: `ImportExpression[source.value=/${regex.replaceAll('/', '\\u002f')}/]`, message })),
];

const globs = { ...rooms, 'src/main.ts': [], 'src/{run,wiring}.ts': ['practice'] };

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
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/wiring.ts', 'src/stores/keychain-child.ts', 'src/stores/scrypt-worker.ts', 'src/practice/**'],
    rules: {
      'no-restricted-globals': ['error', { name: 'process', message: 'effects are passed in; process stands in wiring.ts' }],
      'no-console': 'error',
      'max-lines': ['error', { max: 320, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
    },
  },
  ...Object.entries(globs).map(([glob, forbidden]) => ({
    files: [glob],
    rules: {
      'no-restricted-imports': ['error', { paths: [...librariesOutside(glob), ...processModules], patterns: roomPatterns(forbidden) }],
      'no-restricted-syntax': ['error', ...loadedLater(glob, forbidden)],
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
