"""Variables that no event may set: they say which code runs, where it is found, or with whose rights.

These are the variables that sudo removes from an environment (https://www.sudo.ws, ``initial_badenv_table``), and those
in which shells, languages, package managers and clouds find code, options, registries and credentials.
"""

from __future__ import annotations

from typing import Final

from holdoff.config.patterns import matches_any
from holdoff.core.errors import ConfigError

_FORBIDDEN: Final = """
    AWS_* AMAZON_* AZURE_* ARM_* CLOUDSDK_* CODEBUILD_* ECS_* GOOGLE_* HOLDOFF_* KUBE* LAMBDA_* _* PATH PATHEXT
    COMSPEC CDPATH LD_* LDR_* LIBPATH SHLIB_PATH DYLD_* GLIBC_TUNABLES MALLOC_* GCONV_PATH LOCPATH NLSPATH
    GETCONF_DIR HOSTALIASES LOCALDOMAIN RES_OPTIONS TERMCAP TERMINFO* KRB5* HOME USERPROFILE APPDATA XDG_* SHELL
    TMPDIR SUDO_* DBUS_* NOTIFY_SOCKET LISTEN_* ENV BASH_* BASHOPTS SHELLOPTS PS4 PROMPT_COMMAND IFS GLOBIGNORE
    FPATH ZDOTDIR INPUTRC EDITOR VISUAL PAGER BROWSER MAKE* GNUMAKEFLAGS MFLAGS CC CXX
    LDFLAGS CFLAGS CXXFLAGS PYTHON* VIRTUAL_ENV CONDA_* PIP_* PIPENV_* UV_* POETRY_* TWINE_* NODE_OPTIONS
    NODE_PATH NODE_EXTRA_CA_CERTS NODE_TLS_* NODE_REPL_* NODE_AUTH_TOKEN NPM_* YARN_* PNPM_* COREPACK_* BUN_*
    DENO_* PERL* RUBY* GEM_* BUNDLE_* BUNDLER_* JAVA_* JDK_* CLASSPATH MAVEN_* GRADLE_* ORG_GRADLE_* SBT_*
    DOTNET_* CORECLR_* COR_* COMPLUS_* MSBUILD* NUGET_* PHPRC PHP_* COMPOSER* LUA_* ERL_* MIX_* R_* JULIA_*
    CARGO* RUSTC* RUSTDOC* RUSTFLAGS RUSTUP_* GOFLAGS GOPROXY GOSUMDB GONO* GOPRIVATE GOINSECURE GOPATH GOROOT
    GOBIN GOENV GOTOOLCHAIN GOAUTH GOVCS CGO_* GIT_* SSH_* SVN_* HG* CVS_* GITHUB_ENV GITHUB_PATH GITHUB_TOKEN
    GH_TOKEN ACTIONS_* CI_JOB_TOKEN *_PROXY SSL_* CURL_* WGETRC REQUESTS_* OPENSSL_* GNUPGHOME DOCKER_*
    AR CPP CPPFLAGS CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH LD LIBRARY_PATH COMPILER_PATH GCC_* CMAKE_* PKG_CONFIG*
    CCACHE_* SCCACHE_* TAR_OPTIONS RSYNC_* LESS* MANPAGER VIMINIT EXINIT HELM_* VAULT_* SSLKEYLOGFILE RUNNER_*
    HUGO_SECURITY_* BUILDKIT_* COMPOSE_* TF_CLI_* TF_PLUGIN_* ANSIBLE_*
    SYSTEMROOT WINDIR PSMODULEPATH TEMP TMP GREP_OPTIONS GZIP AWKPATH AWKLIBPATH MODULEPATH NETRC GIO_* GTK_* QT_*
    NODE_CONFIG* NVM_* ELECTRON_* CYPRESS_* PLAYWRIGHT_* PUPPETEER_* TURBO_* PDM_* HATCH_* SETUPTOOLS_* PYENV_* RBENV_*
    ASDF_* NIX_* HOMEBREW_* JVM_* MVN* M2_* ANT_* KOTLIN_* ANDROID_* FLUTTER_* PUB_* GUILE_* TCLLIBPATH ELIXIR_*
    OCAML* OPAM* CAML* STACK_* CABAL_* GHC_* CONAN_* VCPKG_* BAZEL* DEVELOPER_DIR SDKROOT CONTAINERS_* CA_BUNDLE
    REGISTRY_AUTH_FILE TF_DATA_DIR TF_TOKEN_* TF_REGISTRY_* TF_REATTACH_* PULUMI_* SAM_CLI_*
"""


def is_forbidden(name: str) -> bool:
    """Whether no event may set the variable, whatever a project lists. Case is ignored: ``http_proxy`` counts, too."""
    return matches_any(name.upper(), _FORBIDDEN.split())


def check_variable(name: str, field: str) -> None:
    """Refuse the name of a variable that no event may set, and a text that is no name."""
    if not (name.isidentifier() and name.isascii()):
        raise ConfigError(field=field, got=name, want="names of variables: letters, digits and '_'")
    if is_forbidden(name):
        want = "another name: this one says which code runs, where it is found, or with whose rights"
        raise ConfigError(field=field, got=name, want=want)
