// A shared object that exports no environment.
int something_else(void);
int something_else(void) { return 1; }
