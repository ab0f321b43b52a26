# Sourced: `run_java OPTIONS... CLASS ARGUMENTS...` becomes a JVM that knows Kafka's libraries.
# shellcheck shell=bash

readonly home=/opt/kafka

run_java() {
    local -a jars=("$home"/lib/*.jar) common=()
    # The compressors' native code, at three addresses since there are three libraries.
    common+=(
        "-DZstdNativePath=$home/native/libzstd-jni.so"
        "-Dorg.xerial.snappy.lib.path=$home/native" "-Dorg.xerial.snappy.lib.name=libsnappyjava.so"
        "-Djava.library.path=$home/native"
    )
    local IFS=:
    # exec: the JVM becomes the process that the engine's signals go to.
    exec java "${common[@]}" -Djava.awt.headless=true -cp "${jars[*]}" "$@"
}
