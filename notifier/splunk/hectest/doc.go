package hectest
